package run

import (
	"fmt"
	"io"

	"github.com/unroll-ml/unroll/internal/words"
)

// Reporter is told how a training goes. Its methods are called one after the other.
type Reporter interface {
	// Begin is called once, before the first step.
	Begin(Start)

	// Step is called after every step. All of them are in the log; those that are to be shown are marked.
	Step(StepRecord, Progress)

	// Valid is called after a validation, the first of which may be before the first step: that is of step 0.
	Valid(ValidRecord)

	// End is called at the end, and when a run is resumed, after Begin.
	End(EndRecord)

	// Notice is called with what else there is to know, in one line: a checkpoint was damaged, and which one is
	// used instead.
	Notice(message string)
}

// Start says what is going to happen.
type Start struct {
	Lines   []string // what is trained on what
	Dir     string   // of the run
	After   int      // steps that were taken before
	Steps   int      // of the whole run; 0: as many as fit into Seconds
	Seconds float64  // of the whole run; 0: as long as the steps take

	Task    string // one of TaskLM, ...
	Device  string // that the model runs on
	Weights int    // numbers of the model
	Epoch   int    // steps of a pass over the data
}

// Progress goes with a step.
type Progress struct {
	Shown bool    // to be shown
	Left  float64 // seconds to go, as the steps of this process after its first went; NaN: not known yet
}

// silent reports to nobody.
type silent struct{}

func (silent) Begin(Start)               {}
func (silent) Step(StepRecord, Progress) {}
func (silent) Valid(ValidRecord)         {}
func (silent) End(EndRecord)             {}
func (silent) Notice(string)             {}

// Lines reports in lines of text.
func Lines(w io.Writer) Reporter { return lines{w} }

type lines struct{ w io.Writer }

func (l lines) Begin(s Start) {
	for _, line := range s.Lines {
		fmt.Fprintln(l.w, line)
	}
}

func (l lines) Step(r StepRecord, p Progress) {
	switch {
	case r.Skipped != "":
		fmt.Fprintf(l.w, "step %s is left out: %s is not finite\n", words.Thousands(r.Step), r.Skipped)
	case p.Shown:
		fmt.Fprintf(l.w, "step %s  loss %.4f\n", words.Thousands(r.Step), float64(r.Loss))
	}
}

func (l lines) Valid(r ValidRecord) {
	fmt.Fprintf(l.w, "validation %s: loss %.4f\n", r.When(), float64(r.Loss))
}

func (l lines) End(EndRecord)         {}
func (l lines) Notice(message string) { fmt.Fprintln(l.w, message) }

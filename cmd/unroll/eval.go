package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"

	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
	"github.com/unroll-ml/unroll/trainer/runlog"
)

// evalCmd measures a trained model.
type evalCmd struct {
	Dir       string `arg:"" name:"RUN" help:"Folder that unroll train wrote."`
	Text      string `placeholder:"FILE" help:"Measure on this text. Of the text that the run was trained on: on the part that was held out. Without it: on what the run held out."`
	ValidText string `placeholder:"FILE" help:"Measure on the whole of this text, whatever it is."`

	Stride int `group:"Of a language model:" placeholder:"N" help:"Measure windows of as many tokens as in a training step, which begin every N tokens, each from a state of zero. Default 0: long streams that carry their state on, so that each token is predicted once and from all that came before."`

	Examples      classifyFlags `embed:"" group:"Of a classifier:" set:"use=As --text, on"`
	ValidExamples classifyFlags `embed:"" prefix:"valid-" group:"Of a classifier:" set:"use=As --valid-text, on"`

	beamFlags `embed:"" group:"Of a sequence-to-sequence model:"`

	Pairs      pairsFlags `embed:"" group:"Of a sequence-to-sequence model:" set:"use=As --text, on"`
	ValidPairs pairsFlags `embed:"" prefix:"valid-" group:"Of a sequence-to-sequence model:" set:"use=As --valid-text, on"`

	SkipBad bool `help:"Leave out lines of named data that cannot be used instead of stopping at the first."`

	JSON bool `name:"json" help:"Write one JSON object instead of text."`
	useFlags
}

// evalRecord is what eval --json writes.
type evalRecord struct {
	Loss runlog.Float `json:"loss"`
	run.Measures
	Beam       int     `json:"beam,omitempty"`
	Stride     int     `json:"stride,omitempty"`
	Unknown    int     `json:"unknown,omitempty"` // of the tokens of a text
	Seconds    float64 `json:"seconds"`
	Text       string  `json:"text"` // or other data
	Split      string  `json:"split"`
	Run        string  `json:"run"`
	Checkpoint string  `json:"checkpoint"`
	Step       int     `json:"step"`
}

func (e *evalCmd) Run(a *app) error {
	if e.Text != "" && e.ValidText != "" {
		return usage("--text and --valid-text both name a text to measure on: leave one of them out")
	}
	if err := e.useFlags.check(); err != nil {
		return err
	}
	if err := e.beamFlags.check(); err != nil {
		return err
	}
	if e.Stride < 0 {
		return usage("--stride is %d: it must be at least 0", e.Stride)
	}
	if e.Stride > run.MaxInteger {
		return usage("--stride is %d: at most %s are supported", e.Stride, words.Thousands(run.MaxInteger))
	}
	config := run.EvalConfig{Stride: e.Stride, Beam: e.search()}
	if err := e.data(&config); err != nil {
		return err
	}
	r, err := e.open(a, e.Dir)
	if err != nil {
		return err
	}
	if err := e.fits(r, config); err != nil {
		return err
	}
	if err := e.compute(a, r); err != nil {
		return err
	}
	v, err := r.Evaluate(context.Background(), config)
	if err != nil {
		return err
	}
	if math.IsNaN(v.Loss) || math.IsInf(v.Loss, 0) {
		return fail(exitDiverged, "the loss of %s on %s is %g: its weights are too large to compute with, measure another checkpoint",
			filepath.Join(e.Dir, e.Checkpoint), v.What, v.Loss)
	}
	if e.JSON {
		rec := evalRecord{
			Loss: runlog.Float(v.Loss), Measures: v.Measures, Stride: e.Stride, Unknown: v.Unknown, Seconds: v.Seconds,
			Text: v.Name, Split: v.Split, Run: e.Dir, Checkpoint: e.Checkpoint, Step: v.At.Step,
		}
		if r.Config().Task == run.TaskSeq2Seq {
			rec.Beam = e.Beam
		}
		return json.NewEncoder(a.stdout).Encode(rec)
	}
	return e.write(a.stdout, v)
}

// write says what was measured.
func (e *evalCmd) write(w io.Writer, v *run.Evaluation) error {
	number := v.Examples
	if number == 0 {
		number = v.Tokens
	}
	unknown := ""
	if v.Unknown > 0 {
		unknown = fmt.Sprintf(", %s of them unknown,", words.Thousands(v.Unknown))
	}
	_, err := fmt.Fprintf(w, "%s after step %s, on %s:\nloss %.4f nats per %s%s\n%s %s%s in %.2f s\n",
		filepath.Join(e.Dir, e.Checkpoint), words.Thousands(v.At.Step), v.What, v.Loss, v.Unit,
		measureWords(&v.Measures, 3, 2)+evalWords(&v.Measures), words.Thousands(number), v.Count, unknown, v.Seconds)
	return err
}

// data writes into a config the data that flags name.
func (e *evalCmd) data(c *run.EvalConfig) error {
	text := func(path string) run.Source { return run.Source{Kind: run.KindText, Paths: []string{path}} }
	source, err := oneSource("", append(append(e.Examples.sources(), e.Pairs.sources()...), text(e.Text))...)
	if err != nil {
		return err
	}
	valid, err := oneSource("valid-", append(append(e.ValidExamples.sources(), e.ValidPairs.sources()...), text(e.ValidText))...)
	if err != nil {
		return err
	}
	switch {
	case source != nil && valid != nil:
		return usage("--%s and --valid-%s both name data to measure on: leave one of them out", source.Kind, valid.Kind)
	case e.Pairs.incomplete():
		return usage("--src and --tgt name two files that belong together: give both")
	case e.ValidPairs.incomplete():
		return usage("--valid-src and --valid-tgt name two files that belong together: give both")
	}
	skip := skipFlags{SkipBad: e.SkipBad}
	skip.mark(source, valid)
	if c.Data = source; valid != nil {
		c.Data, c.Whole = valid, true
	}
	return nil
}

// fits says whether the flags are for the run's task.
func (e *evalCmd) fits(r *run.Run, c run.EvalConfig) error {
	task, flag := r.Config().Task, ""
	switch {
	case c.Data != nil && !slices.Contains(run.DataKinds[task], c.Data.Kind):
		flag = c.Data.Kind
		if c.Whole {
			flag = "valid-" + flag
		}
	case task != run.TaskLM && e.Stride > 0:
		flag = "stride"
	case task != run.TaskSeq2Seq && e.Beam > 1:
		flag = "beam"
	case task != run.TaskSeq2Seq && e.MaxLength != nil:
		flag = "max-length"
	case task != run.TaskSeq2Seq && e.CoveragePenalty > 0:
		flag = "coverage-penalty"
	case task == run.TaskSeq2Seq:
		return e.beamFlags.fits(r)
	default:
		return nil
	}
	return usage("--%s is not for %s, which %s holds: see unroll eval --help", flag, run.TaskName(task), e.Dir)
}

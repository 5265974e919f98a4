// Package report says how a training goes and what was measured: to people in lines, with a bar on a terminal, and in
// tables; to programs in JSON.
//
// It must know neither flags nor exit codes.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Reporter tells how a training goes.
type Reporter interface {
	Begin(run.Start)
	Step(run.StepRecord, run.Progress)
	Valid(run.ValidRecord)
	End(run.EndRecord)

	Writer() io.Writer // where what follows the training goes
}

// JSON writes an object a line.
func JSON(w io.Writer) Reporter { return jsonReporter{w} }

// Lines writes lines of text: one for each step that is to be shown if every is true, otherwise one a second at most.
func Lines(w io.Writer, every bool) Reporter { return &lineReporter{w: w, every: every} }

type jsonReporter struct{ w io.Writer }

func (j jsonReporter) write(v any) {
	if line, err := json.Marshal(v); err == nil {
		j.w.Write(append(line, '\n'))
	}
}

func (j jsonReporter) Begin(s run.Start) { j.write(s.Record()) }
func (j jsonReporter) Step(r run.StepRecord, p run.Progress) {
	if p.Shown {
		j.write(r)
	}
}
func (j jsonReporter) Valid(r run.ValidRecord) { j.write(r) }
func (j jsonReporter) End(r run.EndRecord)     { j.write(r) }
func (j jsonReporter) Writer() io.Writer       { return j.w }

// lineReporter writes plain lines.
type lineReporter struct {
	w     io.Writer
	every bool
	start run.Start
	begun time.Time // when a first step was over; zero: none was
	told  bool      // how long the run will take
	last  time.Time // of the last line

	validated    time.Time        // when a validation was shown last
	best, newest *run.ValidRecord // those that were not shown; nil: none
}

// validPause is how long no other validation is shown after one: small data are validated many times a second.
// The log has all.
const validPause = 3 * time.Second

func (l *lineReporter) Writer() io.Writer { return l.w }

func (l *lineReporter) Begin(s run.Start) {
	l.start = s
	for _, line := range append(s.Lines, "run folder: "+s.Dir) {
		fmt.Fprintf(l.w, "%s\n", line)
	}
	if s.After > 0 {
		fmt.Fprintf(l.w, "continuing after step %s\n", words.Thousands(s.After))
	}
}

// stepOf says which step of how many it is.
func (l *lineReporter) stepOf(step int) string {
	if l.start.Steps == 0 {
		return "step " + words.Thousands(step)
	}
	all := words.Thousands(l.start.Steps)
	return fmt.Sprintf("step %*s/%s", len(all), words.Thousands(step), all)
}

// How long, and after how many steps, the time of a run is estimated.
const (
	estimateAfter = time.Second
	estimateSteps = 5
)

// canEstimate says whether enough is known to say how long the run will take, which was not said before. The first
// step compiles, and does not count.
func (l *lineReporter) canEstimate(step int) bool {
	if l.begun.IsZero() {
		l.begun = time.Now()
	}
	return !l.told && step-l.start.After > estimateSteps && time.Since(l.begun) >= estimateAfter
}

// estimate says how long the run will take, as its first steps go.
func (l *lineReporter) estimate(r run.StepRecord, p run.Progress) {
	each := time.Since(l.begun).Seconds() / float64(r.Step-l.start.After-1)
	l.told = true
	if l.start.Steps > 0 {
		fmt.Fprintf(l.w, "time: about %s for the %s that are left, %.3g s each with validation\n", words.Clock(p.Left),
			words.Count(l.start.Steps-r.Step, "step", "steps"), each)
		return
	}
	fmt.Fprintf(l.w, "time: about %s in the %s that are left, %.3g s each with validation\n",
		words.Count(int(p.Left/each), "step", "steps"), words.Clock(p.Left), each)
}

func (l *lineReporter) Step(r run.StepRecord, p run.Progress) {
	if l.canEstimate(r.Step) {
		l.estimate(r, p)
	}
	if r.Skipped != "" {
		why := "is not finite"
		if r.Overflow {
			why = "overflows, so from now on the loss is multiplied by less"
		}
		fmt.Fprintf(l.w, "step %s is left out: %s %s\n", words.Thousands(r.Step), r.Skipped, why)
		return
	}
	if !p.Shown || !l.every && time.Since(l.last) < time.Second {
		return
	}
	l.last = time.Now()
	parts := append([]string{
		l.stepOf(r.Step), fmt.Sprintf("epoch %d", r.Epoch), fmt.Sprintf("loss %.4f", float64(r.Loss)),
		fmt.Sprintf("gradient %.3g", float64(r.GradNorm)), words.Thousands(int(r.TokensPerSecond)) + " tokens/s",
	}, left(p)...)
	fmt.Fprintln(l.w, strings.Join(parts, "  "))
}

// left says how long a training will take, if that is known.
func left(p run.Progress) []string {
	if math.IsNaN(p.Left) {
		return nil
	}
	return []string{words.Clock(p.Left) + " left"}
}

func (l *lineReporter) Valid(r run.ValidRecord) {
	if r.Step == 0 {
		l.valid(&r)
		return
	}
	if l.every || time.Since(l.validated) >= validPause {
		l.newest = &r
		l.catchUp()
		l.validated = time.Now()
		return
	}
	l.newest = &r
	if r.Best {
		l.best = &r
	}
}

// valid shows a validation.
func (l *lineReporter) valid(r *run.ValidRecord) {
	best, samples := "", Samples(r.Samples)
	if r.Best {
		best = "  best so far"
	}
	if r.Step == l.start.Steps { // the end, which shows some of the best weights
		samples = ""
	}
	fmt.Fprintf(l.w, "validation %s: loss %.4f%s%s%s\n%s", r.When(), float64(r.Loss),
		Measures(&r.Measures, 2, 1), translationWords(&r.Measures, 1), best, samples)
}

// catchUp shows the best validation and the newest, if they were not.
func (l *lineReporter) catchUp() {
	if l.best != nil && l.best != l.newest {
		l.valid(l.best)
	}
	if l.newest != nil {
		l.valid(l.newest)
	}
	l.best, l.newest = nil, nil
}

func (l *lineReporter) End(run.EndRecord) { l.catchUp() }

// Measures says measures in one line, with so many digits of perplexity and bits, and of percentages.
func Measures(m *run.Measures, digits, percent int) string {
	tags := m.TagMeasures
	if tags == nil {
		tags = &run.TagMeasures{}
	}
	return say([]spoken{
		{"  perplexity %.*f", digits, m.Perplexity, 1},
		{"  %.*f bits", digits, m.BitsPerToken, 1},
		{"  accuracy %.*f%%", percent, m.Accuracy, 100},
		{"  macro F1 %.*f%%", percent, m.MacroF1, 100},
		{"  of unknown words %.*f%%", percent, tags.UnknownAccuracy, 100},
		{"  F1 of spans %.*f%%", percent, tags.SpanF1, 100},
		{"  exactly right %.*f%%", percent, m.ExactMatch, 100},
		{"  RMSE %.*g", digits + 2, m.RMSE, 1},
		{"  MAE %.*g", digits + 2, m.MAE, 1},
	})
}

// EvalMeasures are the measures that only eval says.
func EvalMeasures(m *run.Measures) string {
	return say([]spoken{
		{"  in the two likeliest %.*f%%", 2, m.Top2, 100},
		{"\ncharacter errors %.*f%%", 2, m.CharErrorRate, 100},
	}) + numberWords(m) + translationWords(m, 2)
}

// numberWords are the measures of predicted numbers that only eval says: beside those of always saying the mean.
func numberWords(m *run.Measures) string {
	n := m.NumberMeasures
	if n == nil {
		return ""
	}
	return say([]spoken{
		{"  R² %.*f", 4, &n.R2, 1}, {"\nalways the mean: RMSE %.*g", 5, &n.BaselineRMSE, 1},
		{"  MAE %.*g", 5, &n.BaselineMAE, 1},
	})
}

// translationWords are the measures of translations, and whether some were cut.
func translationWords(m *run.Measures, digits int) string {
	bleu := say([]spoken{{"  BLEU %.*f", digits, m.BLEU, 1}})
	if m.TranslationNotes != nil && m.Undefined != "" {
		bleu = "  BLEU undefined"
	}
	text := bleu + say([]spoken{{"  chrF %.*f", digits, m.ChrF, 1}})
	if m.TranslationNotes != nil && m.Cut > 0 {
		text += fmt.Sprintf("  %s of %s cut", words.Thousands(m.Cut), words.Thousands(m.Lines))
	}
	return text
}

// spoken is a measure, nil if the task has none, with the words for it.
type spoken struct {
	format string
	digits int
	x      *run.Float
	scale  float64
}

func say(measures []spoken) string {
	var b strings.Builder
	for _, m := range measures {
		if m.x != nil {
			fmt.Fprintf(&b, m.format, m.digits, m.scale*float64(*m.x))
		}
	}
	return b.String()
}

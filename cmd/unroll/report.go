package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

// reporter tells the user how the training goes.
type reporter interface {
	Begin(run.Start)
	Step(run.StepRecord, run.Progress)
	Valid(run.ValidRecord)
	End(run.EndRecord)

	writer() io.Writer
}

// newReporter chooses how to report: JSON objects, a progress bar on a terminal, or lines of text. everyLine asks for a line for
// each step that is to be shown; otherwise there is at most one a second.
func newReporter(w io.Writer, asJSON, everyLine bool) reporter {
	if asJSON {
		return jsonReporter{w}
	}
	f, ok := w.(*bestEffortWriter)
	if !ok || !f.terminal() {
		return &lineReporter{w: w, every: everyLine}
	}
	lines := lineReporter{w: visibleWriter{w}, every: everyLine}
	if os.Getenv("TERM") == "dumb" {
		return &lines
	}
	return &barReporter{lineReporter: lines, terminal: w, width: f.width}
}

// bestEffortWriter writes until the first error, says once that it gave up, and then accepts everything: training does not end because
// its output has no reader any more.
type bestEffortWriter struct {
	w      io.Writer
	gaveUp bool
	gone   func(error)
}

func (d *bestEffortWriter) Write(p []byte) (int, error) {
	if !d.gaveUp {
		if _, err := d.w.Write(p); err != nil {
			d.gaveUp = true
			d.gone(err)
		}
	}
	return len(p), nil
}

// width is how many characters fit into a line of the terminal; 0: not known.
func (d *bestEffortWriter) width() int {
	f, ok := d.w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

func (d *bestEffortWriter) terminal() bool {
	return isTerminal(d.w)
}

// visibleWriter writes texts to a terminal, which should show what others wrote and not obey it.
type visibleWriter struct{ w io.Writer }

func (v visibleWriter) Write(p []byte) (int, error) {
	_, err := io.WriteString(v.w, words.Visible(string(p)))
	return len(p), err
}

// texts is where texts go that may hold what others wrote: labels, words, names. Files and other programs get them as they are.
func (a *app) texts() io.Writer { return textsTo(a.stdout) }

func textsTo(w io.Writer) io.Writer {
	if isTerminal(w) {
		return visibleWriter{w}
	}
	return w
}

// isTerminal says so of a reader or a writer. It is replaced by tests.
var isTerminal = func(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

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
func (j jsonReporter) writer() io.Writer       { return j.w }

// lineReporter writes plain lines.
type lineReporter struct {
	w     io.Writer
	every bool
	start run.Start
	last  time.Time // of the last line
}

func (l *lineReporter) writer() io.Writer { return l.w }

func (l *lineReporter) Begin(s run.Start) {
	l.start = s
	for _, line := range append(s.Lines, "run folder: "+s.Dir) {
		fmt.Fprintln(l.w, line)
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

func (l *lineReporter) Step(r run.StepRecord, p run.Progress) {
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
	fmt.Fprintf(l.w, "%s  epoch %d  loss %.4f  gradient %.3g  %s tokens/s  %s left\n",
		l.stepOf(r.Step), r.Epoch, float64(r.Loss), float64(r.GradNorm), words.Thousands(int(r.TokensPerSecond)), clock(p.Left))
}

func (l *lineReporter) Valid(r run.ValidRecord) {
	best := ""
	if r.Best {
		best = "  best so far"
	}
	fmt.Fprintf(l.w, "validation after step %s: loss %.4f%s%s%s\n", words.Thousands(r.Step), float64(r.Loss),
		measureWords(&r.Measures, 2, 1), translationWords(&r.Measures, 1), best)
}

func (l *lineReporter) End(run.EndRecord) {}

// clock writes seconds as minutes or hours.
func clock(seconds float64) string {
	s := int(seconds + 0.5)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// measureWords says measures in one line, with so many digits of perplexity and bits, and of percentages.
func measureWords(m *run.Measures, digits, percent int) string {
	return say([]spoken{
		{"  perplexity %.*f", digits, m.Perplexity, 1},
		{"  %.*f bits", digits, m.BitsPerToken, 1},
		{"  accuracy %.*f%%", percent, m.Accuracy, 100},
		{"  macro F1 %.*f%%", percent, m.MacroF1, 100},
		{"  exactly right %.*f%%", percent, m.ExactMatch, 100},
	})
}

// evalWords are the measures that only eval says.
func evalWords(m *run.Measures) string {
	return say([]spoken{
		{"  in the two likeliest %.*f%%", 2, m.Top2, 100},
		{"\ncharacter errors %.*f%%", 2, m.CharErrorRate, 100},
	}) + translationWords(m, 2)
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

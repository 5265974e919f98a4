package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// reporter tells the user how the training goes.
type reporter interface {
	// begin says what is going to happen.
	begin(lines ...string)
	// step is called after every step; logged ones are written to the log, too.
	step(r stepRecord, left string, logged bool)
	valid(r validRecord)
	end(r endRecord)
}

// newReporter chooses how to report: JSON objects, a progress bar on a terminal, or lines of text. everyLine asks for a line for
// each logged step; otherwise there is at most one a second.
func newReporter(w io.Writer, asJSON, everyLine bool, b budget) reporter {
	if asJSON {
		return jsonReporter{w}
	}
	if f, ok := w.(*deafWriter); ok && f.terminal() {
		return newBarReporter(w, b)
	}
	return &lineReporter{w: w, every: everyLine, budget: b}
}

// deafWriter writes until the first error, says once that it gave up, and then accepts everything: training does not end because
// nobody listens.
type deafWriter struct {
	w    io.Writer
	deaf bool
	gone func(error)
}

func (d *deafWriter) Write(p []byte) (int, error) {
	if !d.deaf {
		if _, err := d.w.Write(p); err != nil {
			d.deaf = true
			d.gone(err)
		}
	}
	return len(p), nil
}

func (d *deafWriter) terminal() bool {
	f, ok := d.w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

type jsonReporter struct{ w io.Writer }

func (j jsonReporter) write(v any) {
	if line, err := json.Marshal(v); err == nil {
		j.w.Write(append(line, '\n'))
	}
}

func (j jsonReporter) begin(...string) {}
func (j jsonReporter) step(r stepRecord, _ string, logged bool) {
	if logged {
		j.write(r)
	}
}
func (j jsonReporter) valid(r validRecord) { j.write(r) }
func (j jsonReporter) end(r endRecord)     { j.write(r) }

// lineReporter writes plain lines.
type lineReporter struct {
	w      io.Writer
	every  bool
	budget budget
	last   time.Time // of the last line
}

func (l *lineReporter) begin(lines ...string) {
	for _, s := range lines {
		fmt.Fprintln(l.w, s)
	}
}

func (l *lineReporter) step(r stepRecord, left string, logged bool) {
	if r.Skipped != "" {
		why := "is not finite"
		if r.Overflow {
			why = "overflows, so from now on the loss is multiplied by less"
		}
		fmt.Fprintf(l.w, "step %s is left out: %s %s\n", thousands(r.Step), r.Skipped, why)
		return
	}
	if !logged || !l.every && time.Since(l.last) < time.Second {
		return
	}
	l.last = time.Now()
	fmt.Fprintf(l.w, "%s  epoch %d  loss %.4f  gradient %.3g  %s tokens/s  %s left\n",
		l.budget.stepOf(r.Step), r.Epoch, float64(r.Loss), float64(r.GradNorm), thousands(int(r.TokensPerSecond)), left)
}

func (l *lineReporter) valid(r validRecord) {
	best := ""
	if r.Best {
		best = "  best so far"
	}
	fmt.Fprintf(l.w, "held out after step %s: loss %.4f%s%s\n", thousands(r.Step), float64(r.Loss), r.words(2, 1), best)
}

func (l *lineReporter) end(endRecord) {}

// barReporter draws a progress bar, and writes lines above it.
type barReporter struct {
	lineReporter
	bar *progressbar.ProgressBar
}

func newBarReporter(w io.Writer, b budget) *barReporter {
	return &barReporter{
		lineReporter: lineReporter{w: w, budget: b},
		bar: progressbar.NewOptions64(b.total(),
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetWidth(16),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(false), // the description has it
			progressbar.OptionSetElapsedTime(false),
		),
	}
}

func (b *barReporter) step(r stepRecord, left string, logged bool) {
	if r.Skipped != "" {
		b.bar.Clear()
		b.lineReporter.step(r, left, logged)
		return
	}
	b.bar.Describe(fmt.Sprintf("%s  loss %.3f  %s tokens/s  %s left", b.budget.stepOf(r.Step), float64(r.Loss), thousands(int(r.TokensPerSecond)), left))
	b.bar.Set64(b.budget.done(r.Step, r.Seconds))
}

func (b *barReporter) valid(r validRecord) {
	b.bar.Clear()
	b.lineReporter.valid(r)
}

func (b *barReporter) end(endRecord) { b.bar.Clear() }

// thousands writes a number that is not negative with commas.
func thousands(n int) string {
	s := strconv.Itoa(n)
	var groups []string
	for len(s) > 3 {
		groups = append([]string{s[len(s)-3:]}, groups...)
		s = s[:len(s)-3]
	}
	return strings.Join(append([]string{s}, groups...), ",")
}

// clock writes seconds as minutes or hours.
func clock(seconds float64) string {
	s := int(seconds + 0.5)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

// barReporter writes one line that changes while steps are taken, and lines above it.
type barReporter struct {
	lineReporter
	terminal io.Writer
	width    func() int
	drawn    time.Time // when the line was written; zero: it is not there
}

// Bar writes a line that changes to a terminal, whose width in columns it asks for each time, and the lines
// above it to w.
func Bar(w, terminal io.Writer, width func() int, every bool) Reporter {
	return &barReporter{lineReporter: lineReporter{w: w, every: every}, terminal: terminal, width: width}
}

// redraw is how long the line stays, at least.
const redraw = 100 * time.Millisecond

// clearLine goes to the beginning of the terminal's line, and removes what is there.
const clearLine = "\r\x1b[K"

func (b *barReporter) Step(r run.StepRecord, p run.Progress) {
	if r.Skipped != "" {
		b.clear()
		b.lineReporter.Step(r, p)
		return
	}
	if time.Since(b.drawn) < redraw {
		return
	}
	if b.canEstimate(r.Step) {
		b.clear()
		b.estimate(r, p)
	}
	b.drawn = time.Now()
	parts := append([]string{b.stepOf(r.Step), fmt.Sprintf("loss %.3f", float64(r.Loss))}, left(p)...)
	parts = append(parts, words.Thousands(int(r.TokensPerSecond))+" tokens/s")
	io.WriteString(b.terminal, clearLine+progressLine(b.width(), b.part(r), parts))
}

func (b *barReporter) Valid(r run.ValidRecord) {
	b.clear()
	b.lineReporter.Valid(r)
}

func (b *barReporter) End(r run.EndRecord) {
	b.clear()
	b.lineReporter.End(r)
}

// clear removes the line.
func (b *barReporter) clear() {
	if !b.drawn.IsZero() {
		io.WriteString(b.terminal, clearLine)
		b.drawn = time.Time{}
	}
}

// part is how much of the run is done, from 0 to 1.
func (b *barReporter) part(r run.StepRecord) float64 {
	if b.start.Steps > 0 {
		return float64(r.Step) / float64(b.start.Steps)
	}
	return min(1, r.Seconds/b.start.Seconds)
}

const (
	usualWidth = 80 // of a terminal whose width is not known
	barWidth   = 16
)

// progressLine is as much as fits into a terminal of a width: words, of which the last are the least important,
// and a bar that shows which part is done.
func progressLine(width int, part float64, parts []string) string {
	if width <= 0 {
		width = usualWidth
	}
	width-- // a full line makes some terminals go on to the next
	done := int(part * barWidth)
	all := append(parts, fmt.Sprintf("%3d%% |%s%s|", int(100*part), strings.Repeat("█", done),
		strings.Repeat(" ", barWidth-done)))
	for n := len(all); n > 0; n-- {
		if line := strings.Join(all[:n], "  "); words.Width(line) <= width {
			return line
		}
	}
	return words.Clip(all[0], width)
}

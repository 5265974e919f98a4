package report

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/unroll-ml/unroll/trainer/run"
)

func TestProgressLine(t *testing.T) {
	parts := []string{"step  1,000/100,000", "loss 1.234", "1:02:03 left", "1,234,567 tokens/s"}
	const all = "step  1,000/100,000  loss 1.234  1:02:03 left  1,234,567 tokens/s"
	for width, want := range map[int]string{
		120: all + "   50% |████████        |",
		91:  all + "   50% |████████        |",
		80:  all,
		0:   all, // as 80
		65:  "step  1,000/100,000  loss 1.234  1:02:03 left",
		50:  "step  1,000/100,000  loss 1.234  1:02:03 left",
		20:  "step  1,000/100,000",
		10:  "step  1,0",
		1:   "",
	} {
		if got := progressLine(width, 0.5, parts); got != want {
			t.Errorf("width %d: %q, want %q", width, got, want)
		}
	}
}

// The line follows the width of a terminal while that changes, and never fills it.
func TestBarFits(t *testing.T) {
	var out strings.Builder
	width := 0
	b := &barReporter{lineReporter: lineReporter{w: &out, width: func() int { return width }}, terminal: &out}
	b.Begin(run.Start{Dir: "run", Steps: 1_000_000})
	for _, width = range []int{200, 80, 50, 20, 80} {
		out.Reset()
		b.drawn = b.drawn.Add(-redraw)
		b.Step(run.StepRecord{Step: 999_999, Loss: 12.3456, TokensPerSecond: 7_654_321}, run.Progress{Left: 360_000})
		line, ok := strings.CutPrefix(out.String(), clearLine)
		if n := utf8.RuneCountInString(line); !ok || n == 0 || n >= width || strings.ContainsAny(line, "\r\n") {
			t.Errorf("width %d: %q", width, out.String())
		}
	}
	out.Reset()
	b.Valid(run.ValidRecord{Step: 999_999, Loss: 1})
	if got := out.String(); !strings.HasPrefix(got, clearLine+"validation after step 999,999: ") {
		t.Errorf("%q", got)
	}
}

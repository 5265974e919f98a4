package report

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/unroll-ml/unroll/internal/words"
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
		10:  "step  1,…",
		1:   "",
	} {
		if got := progressLine(width, 0.5, parts); got != want {
			t.Errorf("width %d: %q, want %q", width, got, want)
		}
	}
	wide := []string{"日本語", "e\u0301te\u0301", "👩\u200d👧"}
	for width, want := range map[int]string{16: "日本語  e\u0301te\u0301  👩\u200d👧", 15: "日本語  e\u0301te\u0301", 6: "日本…"} {
		if got := progressLine(width, 0.5, wide); got != want {
			t.Errorf("width %d: %q, want %q", width, got, want)
		}
	}
}

// The line follows the width of a terminal while that changes, and never fills it.
func TestBarFits(t *testing.T) {
	var out strings.Builder
	width := 0
	b := &barReporter{lineReporter: lineReporter{w: &out}, terminal: &out, width: func() int { return width }}
	b.Begin(run.Start{Dir: "run", Steps: 1_000_000})
	for _, width = range []int{200, 80, 50, 20, 80} {
		out.Reset()
		b.drawn = b.drawn.Add(-redraw)
		b.Step(run.StepRecord{Step: 999_999, Loss: 12.3456, TokensPerSecond: 7_654_321}, run.Progress{Left: 360_000})
		line, ok := strings.CutPrefix(out.String(), clearLine)
		if n := words.Width(line); !ok || n == 0 || n >= width || strings.ContainsAny(line, "\r\n") {
			t.Errorf("width %d: %q", width, out.String())
		}
	}
	out.Reset()
	b.Valid(run.ValidRecord{Step: 999_999, Loss: 1})
	if got := out.String(); !strings.HasPrefix(got, clearLine+"validation after step 999,999: ") {
		t.Errorf("%q", got)
	}
}

// How long a run takes is said once, after its first steps, of which the very first does not count.
func TestEstimate(t *testing.T) {
	for want, start := range map[string]run.Start{
		"time: about 1:40 for the 979 steps that are left, 0.1":  {Steps: 1000},
		"time: about 999 steps in the 1:40 that are left, 0.1 s": {Seconds: 102},
	} {
		var out strings.Builder
		l := &lineReporter{w: &out}
		l.Begin(start)
		time.Sleep(time.Millisecond)
		begin := time.Now()
		l.Step(run.StepRecord{Step: 1}, run.Progress{Shown: true, Left: math.NaN()})
		if l.begun.Before(begin) || strings.Contains(out.String(), "left") {
			t.Errorf("after the first step, which says nothing of those that follow: %q", out.String())
		}
		l.begun = time.Now().Add(-2 * time.Second)
		l.Step(run.StepRecord{Step: estimateSteps}, run.Progress{Left: 100}) // too early
		if strings.Contains(out.String(), "time: ") {
			t.Errorf("%q", out.String())
		}
		out.Reset()
		for range 2 {
			l.Step(run.StepRecord{Step: 21}, run.Progress{Left: 100})
		}
		if got := out.String(); !strings.HasPrefix(got, want) || strings.Count(got, "time: ") != 1 {
			t.Errorf("%q, want %q, once", got, want)
		}
	}
}

// A validation before the first step is said to be that, and hides none that follows.
func TestUntrained(t *testing.T) {
	var out strings.Builder
	l := &lineReporter{w: &out}
	l.Begin(run.Start{Steps: 10})
	out.Reset()
	l.Valid(run.ValidRecord{Loss: 3})
	l.Valid(run.ValidRecord{Step: 1, Loss: 2, Best: true})
	const want = "validation before the first step: loss 3.0000\nvalidation after step 1: loss 2.0000  best so far\n"
	if out.String() != want {
		t.Errorf("%q", out.String())
	}
}

package report

import (
	"strings"
	"testing"
	"time"

	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

func TestSampleLines(t *testing.T) {
	for _, c := range []struct {
		samples []run.Sample
		want    string
	}{
		{nil, ""},
		{[]run.Sample{{Output: "the\nking  of"}}, "  it writes: the king of\n"},
		{
			[]run.Sample{{Input: "1.2.3", Output: "2003", Wanted: "2003"}, {Input: "1", Output: "20", Wanted: "1999", Cut: true}, {Input: "x", Output: "y", Wanted: "y", Cut: true}},
			"  1.2.3  ->  2003  right\n  1      ->  20    cut, it is 1999\n  x      ->  y     right so far, cut\n",
		},
		{
			[]run.Sample{{Input: "你好", Output: "hello", Wanted: "hello"}, {Input: "a", Output: "再见", Wanted: "再见"}},
			"  你好  ->  hello  right\n  a     ->  再见   right\n",
		},
		{
			[]run.Sample{{Input: "long", Output: "a", Wanted: strings.Repeat("o", 41)}},
			"\n  input   long\n  output  a\n  wanted  " + strings.Repeat("o", 41) + "\n",
		},
		{
			[]run.Sample{{Input: "1", Output: strings.Repeat("o", 99), Wanted: "20", Cut: true}},
			"  1  ->  " + strings.Repeat("o", 9) + "…  cut, it is 20\n",
		},
	} {
		if got := Samples(c.samples); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	for input := range 400 { // a line each fits into 80 columns
		for _, line := range strings.Split(
			Samples([]run.Sample{{Input: strings.Repeat([]string{"é", "你"}[input%2], input/2+1), Output: "pos", Wanted: "neg"}}), "\n",
		) {
			if n := words.Width(line); n > sampleWidth {
				t.Fatalf("%d columns: %s", n, line)
			}
		}
	}
}

// Small data are validated many times a second: a line comes every few seconds, and at the end the best and the newest.
func TestValidationsAreFew(t *testing.T) {
	var out strings.Builder
	l := &lineReporter{w: &out}
	valid := func(step int, best bool) {
		out.Reset()
		l.Valid(run.ValidRecord{Step: step, Best: best, Samples: []run.Sample{{Output: "a text"}}})
	}
	valid(1, true)
	if got := out.String(); got != "validation after step 1: loss 0.0000  best so far\n  it writes: a text\n" {
		t.Errorf("the first: %q", got)
	}
	for step := 2; step < 9; step++ {
		if valid(step, step == 5); out.String() != "" {
			t.Errorf("at once after another: %q", out.String())
		}
	}
	l.End(run.EndRecord{})
	if got := out.String(); strings.Count(got, "validation") != 2 ||
		!strings.HasPrefix(got, "validation after step 5: ") || !strings.Contains(got, "\nvalidation after step 8: ") {
		t.Errorf("the end: %q", got)
	}
	l.End(run.EndRecord{})
	for step := 9; step < 12; step++ {
		if valid(step, step == 10); out.String() != "" {
			t.Errorf("twice: %q", out.String())
		}
	}
	l.validated = time.Now().Add(-validPause)
	if valid(12, false); !strings.HasPrefix(out.String(), "validation after step 10: ") ||
		!strings.Contains(out.String(), "\nvalidation after step 12: ") {
		t.Errorf("later, the best first: %q", out.String())
	}
	out.Reset()
	if l.End(run.EndRecord{}); out.String() != "" {
		t.Errorf("all were shown: %q", out.String())
	}
}

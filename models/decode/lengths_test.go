package decode_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/models/decode"
)

func TestLengths(t *testing.T) {
	var c decode.LengthCounter
	for _, p := range [][2]int{{4, 8}, {2, 2}, {2, 10}, {8, 16}, {3, 9}, {10, 12}} {
		c.Add(p[0], p[1])
	}
	l := c.Lengths()
	ratios := []float64{2, 1, 5, 2, 3, 1.2}
	mean, square := 0.0, 0.0
	for _, r := range ratios {
		mean += r / 6
	}
	for _, r := range ratios {
		square += (r - mean) * (r - mean) / 6
	}
	equal(t, "μ and σ", []float64{l.Mean, l.Deviation}, []float64{mean, math.Sqrt(square)}, 0.5e-4)
	if diff := cmp.Diff([]decode.Reach{{2, 10}, {8, 16}}, l.Longest); diff != "" {
		t.Error(diff)
	}
	if err := l.Check(); err != nil {
		t.Error(err)
	}
	few := decode.Lengths{Mean: 1, Deviation: 0.5, Longest: l.Longest}
	for source, want := range map[int]int{
		1:  13,  // as the shortest, 10
		2:  13,  // 10 by what was seen
		7:  18,  // 7·2
		8:  20,  // 16 both ways
		40: 100, // 40·2
	} {
		if got := few.Limit(source); got != want {
			t.Errorf("a source of %d tokens: at most %d, want %d", source, got, want)
		}
	}
}

// No target that was learned is longer than the limit of its source.
func TestLengthsHoldWhatWasLearned(t *testing.T) {
	var c decode.LengthCounter
	pairs := [][2]int{{5, 47}, {2, 1}, {2, 6}, {3, 20}, {4, 30}, {1, 3}, {300, 2}}
	for _, p := range pairs {
		c.Add(p[0], p[1])
	}
	l := c.Lengths()
	for _, p := range pairs {
		if l.Limit(p[0]) < p[1] {
			t.Errorf("a target of %d tokens of a source of %d: the limit is %d", p[1], p[0], l.Limit(p[0]))
		}
	}
}

func TestLengthsCheck(t *testing.T) {
	for name, l := range map[string]decode.Lengths{
		"of no pairs": (&decode.LengthCounter{}).Lengths(),
		"NaN":         {Mean: math.NaN(), Longest: []decode.Reach{{1, 1}}},
		"falling":     {Mean: 1, Longest: []decode.Reach{{2, 2}, {3, 1}}},
		"huge":        {Mean: 1, Longest: []decode.Reach{{2, 1 << 40}}},
	} {
		if l.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

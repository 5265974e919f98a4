package opt

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/ir/irtest"
)

// sameBits checks that f and g compute the same numbers to the last bit.
func sameBits(t interface {
	Helper()
	Fatalf(string, ...any)
}, f, g *ir.Func) {
	t.Helper()
	if err := g.Verify(); err != nil {
		t.Fatalf("%v\n%v", err, g)
	}
	args := arguments(f, rand.New(rand.NewPCG(1, 2)))
	want, err := irtest.Eval(f, args)
	if err != nil {
		t.Fatalf("%v\n%v", err, f)
	}
	got, err := irtest.Eval(g, args)
	if err != nil {
		t.Fatalf("%v\n%v", err, g)
	}
	for i := range want {
		for j, x := range want[i] {
			if y := got[i][j]; math.Float64bits(x) != math.Float64bits(y) && !(math.IsNaN(x) && math.IsNaN(y)) {
				t.Fatalf("result %d, element %d is %v, want %v\nbefore\n%v\nafter\n%v", i, j, y, x, f, g)
			}
		}
	}
}

// TestRecomputeKeepsBits draws programs: with segments of any length, and whatever sums are long ones, they compute the
// same bits as without segments.
func TestRecomputeKeepsBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFunc(t)
		g, err := Run(f)
		if err != nil {
			t.Fatalf("%v\n%v", err, f)
		}
		worth := limits{longRows: rapid.SampledFrom([]int{1, 8, 8192}).Draw(t, "longRows"),
			chunkRows: rapid.IntRange(1, 9).Draw(t, "chunkRows")}
		plain, err := newSegmenter(g, 0, 0, worth).run()
		if err != nil {
			t.Fatalf("%v\n%v", err, g)
		}
		sameNumbers(t, f, plain)
		cut, err := newSegmenter(g, rapid.IntRange(1, 4).Draw(t, "k"), rapid.IntRange(0, 2).Draw(t, "spare"), worth).run()
		if err != nil {
			t.Fatalf("%v\n%v", err, g)
		}
		sameBits(t, plain, cut)
	})
}

// TestRecomputeRecurrences is the same for recurrences and their derivatives.
func TestRecomputeRecurrences(t *testing.T) {
	for _, c := range recurrences {
		t.Run(c.name, func(t *testing.T) {
			f, err := Run(build(t, c.build))
			if err != nil {
				t.Fatal(err)
			}
			for k := 1; k < steps; k++ {
				for _, worth := range []limits{{longRows: 1}, {longRows: 1, chunkRows: 2 * rowsB}, {longRows: 8192}} {
					plain, err := newSegmenter(f, 0, 0, worth).run()
					if err != nil {
						t.Fatal(err)
					}
					cut, err := newSegmenter(f, k, k%2, worth).run()
					if err != nil {
						t.Fatal(err)
					}
					sameBits(t, plain, cut)
				}
			}
		})
	}
}

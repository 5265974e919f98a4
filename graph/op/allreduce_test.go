package op

import (
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
)

func init() {
	// Two other processes, one with the same numbers and one with twice as many.
	others := func(data any) error {
		switch x := data.(type) {
		case []float32:
			for i := range x {
				x[i] *= 4
			}
		case []float64:
			for i := range x {
				x[i] *= 4
			}
		}
		return nil
	}
	cases["AllReduce"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node {
			return b.AllReduce(others, in[0], b.Gt(in[1], b.Fill(in[1], 0)))
		},
		want: func(in []array) array {
			return fillArray(in[0].shape, func(at []int) float64 {
				if in[1].at() > 0 {
					return 4 * in[0].at(at...)
				}
				return in[0].at(at...)
			})
		},
		at:        [][]input{{floats(-1, 1, 3, 5), floats(1, 2)}, {floats(-1, 1, 7), floats(-2, -1)}, {floats(-1, 1), floats(1, 2)}},
		constants: true,
	}
	cases["AllReduce of what cannot be summed"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.AllReduce(others, in[0], in[1]) },
		bad:   [][]input{{ints(0, 3, 2), floats(0, 1)}, {floats(0, 1, 2), floats(0, 1, 2)}, {floats(0, 1, 2), ints(0, 1)}},
	}
}

func TestAllReduceNeedsAFunction(t *testing.T) {
	b := New(G.NewGraph())
	x := G.NewScalar(b.Graph(), G.Float32, G.WithName("x"))
	b.AllReduce(nil, x, x)
	if err := b.Err(); err == nil || !strings.Contains(err.Error(), "without a function") {
		t.Errorf("the error is %v", err)
	}
}

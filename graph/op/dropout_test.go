package op

import (
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/tape"
)

func init() {
	cases["Dropout"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.Dropout(in[0], 0.3, in[1]) },
		want: func(in []array) array {
			x, keys := in[0], in[1]
			u := uniforms(keys, 0, x.shape[len(keys.shape)-1:])
			return fillArray(x.shape, func(i []int) float64 {
				if u.at(i...) < 0.3 {
					return 0
				}
				return x.at(i...) / 0.7
			})
		},
		at: [][]input{
			{floats(-1, 1, 2, 3), ints(0, 9, 4)},
			{floats(-1, 1), ints(0, 9, 4)},
			{floats(-1, 1, 5, 2, 3), ints(0, 9, 5, 4)},
			{floats(-1, 1, 5, 2), ints(0, 9, 5, 2, 4)},
		},
		bad: [][]input{{floats(-1, 1, 2, 3), ints(0, 9, 3, 4)}, {floats(-1, 1), ints(0, 9, 1, 4)},
			{floats(-1, 1, 2), ints(0, 9)}},
	}
	cases["Dropout of nothing"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.Dropout(in[0], 0, in[1]) },
		want:  func(in []array) array { return in[0] },
		at:    [][]input{{floats(-1, 1, 2, 3), ints(0, 9, 4)}},
	}
	cases["Dropout of all"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.Dropout(in[0], 1, in[1]) },
		bad:   [][]input{{floats(-1, 1, 2, 3), ints(0, 9, 4)}},
	}
}

// The mean stays, within four standard deviations: √(p/(1-p)/n) is the deviation of the mean of n ones.
func TestDropoutKeepsTheMean(t *testing.T) {
	const n = 10000
	b, in := inputs(tape.Float32, []input{whole(1, 1, n), ints(0, 9, 4)})
	y := b.Mean(b.Dropout(in[0], 0.5, in[1]))
	mean := plainly.compute(t, tape.Float32, in, draw([]input{whole(1, 1, n), ints(0, 9, 4)}), y)[0]
	near(t, "mean", mean, array{nil, []float64{1}}, 4.0/100)
}

func TestDropoutOfNothingIsTheInput(t *testing.T) {
	b, in := inputs(tape.Float32, []input{floats(0, 1, 3), ints(0, 9, 4)})
	if b.Dropout(in[0], 0, in[1]) != in[0] {
		t.Error("a node is made to drop nothing")
	}
}

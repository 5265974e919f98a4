package op

import (
	"testing"

	G "gorgonia.org/gorgonia"
)

func init() {
	cases["Where"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.Where(in[0], in[1], in[2]) },
		want: elements(func(x []float64) float64 {
			if x[0] != 0 {
				return x[1]
			}
			return x[2]
		}),
		at: [][]input{
			{whole(0, 1), floats(-1, 1), floats(-1, 1)},
			{whole(0, 1, 9), floats(-1, 1, 9), floats(-1, 1, 9)},
			{whole(-1, 1, 4, 1), floats(-1, 1, 1, 3), floats(-1, 1)},
			{whole(0, 1, 3), floats(-1, 1, 2, 1), floats(-1, 1, 1)},
			{ints(0, 1, 2, 3), floats(-1, 1, 2, 3), floats(-1, 1, 4, 1, 1)},
			{ints(0, 1, 5), ints(-9, 9, 5), ints(-9, 9)},
			{whole(0, 1, 5), ints(-9, 9), ints(-9, 9, 5)},
		},
		bad: [][]input{{whole(0, 1, 2), floats(-1, 1, 3), floats(-1, 1)},
			{whole(0, 1), floats(-1, 1, 3), floats(-1, 1, 2)}},
		constant: []int{0},
	}
}

// A NaN that is not chosen reaches neither the value nor the derivative of what is.
func TestWhereShutsOutNaN(t *testing.T) {
	root := func(b *Builder, x *G.Node) *G.Node {
		zero := b.Fill(x, 0)
		inside := b.Lt(zero, x)
		return b.Where(inside, b.Sqrt(b.Where(inside, x, b.Fill(x, 1))), zero)
	}
	checkSlopes(t, root, []float64{-4, 4}, []float64{0, 0.25})
}

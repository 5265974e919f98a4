package op

import (
	"math"

	G "gorgonia.org/gorgonia"
)

func init() {
	cases["Cast"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.Cast(in[0], b.Fill(in[1], 0)) },
		want: func(in []array) array {
			toward := func(x []float64) float64 { return math.Trunc(x[0]) }
			return elements(toward)(in[:1])
		},
		at: [][]input{
			{ints(-9, 9), floats(0, 1)},
			{ints(-9, 9, 2, 3), floats(0, 1, 5)},
			{floats(-9, 9), ints(0, 1)},
			{floats(-9, 9, 3, 1), ints(0, 1)},
			{ints(-9, 9, 4), ints(0, 1)},
		},
		constants: true,
	}
	cases["Cast to another float"] = opCase{
		build: one(func(b *Builder, x *G.Node) *G.Node { return b.Cast(x, G.NewScalar(b.Graph(), G.Float64)) }),
		bad:   [][]input{{floats(0, 1, 2, 3)}},
	}
}

package op

import (
	"slices"

	G "gorgonia.org/gorgonia"
)

func init() {
	cases["Pad"] = opCase{
		build: one(func(b *Builder, x *G.Node) *G.Node { return b.Pad(x, 1, 2, 1) }),
		want: func(in []array) array {
			x, shape := in[0], slices.Clone(in[0].shape)
			shape[1] += 3
			return fillArray(shape, func(i []int) float64 {
				j := slices.Clone(i)
				j[1] -= 2
				if j[1] < 0 || j[1] >= x.shape[1] {
					return 0
				}
				return x.at(j...)
			})
		},
		at:  [][]input{{floats(-1, 1, 2, 3)}, {floats(-1, 1, 3, 1)}, {floats(-1, 1, 2, 4, 3)}, {ints(-9, 9, 3, 3)}},
		bad: [][]input{{floats(-1, 1, 5)}, {floats(-1, 1)}},
	}
	cases["Pad by less"] = opCase{
		build: one(func(b *Builder, x *G.Node) *G.Node { return b.Pad(x, 0, 2, -1) }),
		bad:   [][]input{{floats(-1, 1, 5)}},
	}
}

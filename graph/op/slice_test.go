package op

import (
	"slices"

	G "gorgonia.org/gorgonia"
)

func init() {
	cases["Slice"] = opCase{
		build: one(func(b *Builder, x *G.Node) *G.Node { return b.Slice(x, 1, 1, 3) }),
		want: func(in []array) array {
			shape := slices.Clone(in[0].shape)
			shape[1] = 2
			return fillArray(shape, func(i []int) float64 {
				j := slices.Clone(i)
				j[1]++
				return in[0].at(j...)
			})
		},
		at:  [][]input{{floats(-1, 1, 2, 3)}, {floats(-1, 1, 1, 5)}, {floats(-1, 1, 2, 4, 3)}, {ints(-9, 9, 3, 3)}},
		bad: [][]input{{floats(-1, 1, 5)}, {floats(-1, 1, 4, 2)}},
	}
	cases["Slice the last"] = opCase{
		build: one(func(b *Builder, x *G.Node) *G.Node { return b.Slice(x, -1, 0, 1) }),
		want: func(in []array) array {
			shape := slices.Clone(in[0].shape)
			shape[len(shape)-1] = 1
			return fillArray(shape, func(i []int) float64 { return in[0].at(i...) })
		},
		at:  [][]input{{floats(-1, 1, 2, 3)}, {floats(-1, 1, 1)}, {floats(-1, 1, 2, 4, 3)}},
		bad: [][]input{{floats(-1, 1)}},
	}
	cases["Slice nothing"] = opCase{
		build: one(func(b *Builder, x *G.Node) *G.Node { return b.Slice(x, 0, 1, 1) }),
		bad:   [][]input{{floats(-1, 1, 5)}},
	}
}

package op

import (
	"slices"

	G "gorgonia.org/gorgonia"
)

// joined is the plain formula of Concat along an axis.
func joined(axis int) func(in []array) array {
	return func(in []array) array {
		shape := slices.Clone(in[0].shape)
		shape[axis] = 0
		for _, x := range in {
			shape[axis] += x.shape[axis]
		}
		return fillArray(shape, func(i []int) float64 {
			j := slices.Clone(i)
			for _, x := range in {
				if j[axis] < x.shape[axis] {
					return x.at(j...)
				}
				j[axis] -= x.shape[axis]
			}
			panic("beyond the last")
		})
	}
}

func init() {
	cases["Concat"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.Concat(0, in...) },
		want:  joined(0),
		at: [][]input{
			{floats(-1, 1, 2)},
			{floats(-1, 1, 2), floats(-1, 1, 1), floats(-1, 1, 3)},
			{floats(-1, 1, 2, 3), floats(-1, 1, 1, 3)},
			{ints(-9, 9, 2, 3), ints(-9, 9, 2, 3)},
		},
		bad: [][]input{
			{floats(-1, 1, 2, 3), floats(-1, 1, 2, 4)}, {floats(-1, 1, 2), floats(-1, 1, 2, 1)}, {floats(-1, 1), floats(-1, 1)},
			{floats(-1, 1, 2), ints(-1, 1, 2)},
		},
	}
	cases["Concat last"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.Concat(-1, in...) },
		want:  joined(2),
		at: [][]input{
			{floats(-1, 1, 2, 3, 1), floats(-1, 1, 2, 3, 4)},
			{floats(-1, 1, 1, 1, 2), floats(-1, 1, 1, 1, 1), floats(-1, 1, 1, 1, 1), floats(-1, 1, 1, 1, 3)},
		},
		bad: [][]input{{floats(-1, 1, 2, 3, 4), floats(-1, 1, 4)}},
	}
}

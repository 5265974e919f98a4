package op

import (
	"slices"

	G "gorgonia.org/gorgonia"
)

// A product of three parts, so that each has a gradient of its own.
func init() {
	cases["Split"] = opCase{
		build: one(func(b *Builder, x *G.Node) *G.Node {
			z := b.Split(x, -1, 3)
			return b.Sub(b.Mul(z[0], z[1]), z[2])
		}),
		want: func(in []array) array {
			x, shape := in[0], slices.Clone(in[0].shape)
			last := len(shape) - 1
			n := shape[last] / 3
			shape[last] = n
			return fillArray(shape, func(i []int) float64 {
				part := func(k int) float64 {
					j := slices.Clone(i)
					j[last] += k * n
					return x.at(j...)
				}
				return part(0)*part(1) - part(2)
			})
		},
		at:  [][]input{{floats(-1, 1, 3)}, {floats(-1, 1, 2, 6)}, {floats(-1, 1, 2, 1, 9)}},
		bad: [][]input{{floats(-1, 1, 6, 4)}, {floats(-1, 1)}},
	}
	cases["Split into one"] = opCase{
		build: one(func(b *Builder, x *G.Node) *G.Node { return b.Split(x, 0, 1)[0] }),
		want:  func(in []array) array { return in[0] },
		at:    [][]input{{floats(-1, 1, 3, 2)}},
	}
	cases["Split into none"] = opCase{
		build: one(func(b *Builder, x *G.Node) *G.Node { b.Split(x, 0, 0); return b.Identity(x) }),
		bad:   [][]input{{floats(-1, 1, 3, 2)}},
	}
}

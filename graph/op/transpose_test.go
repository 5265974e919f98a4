package op

import G "gorgonia.org/gorgonia"

func init() {
	permuted := func(perm ...int) opCase {
		return opCase{
			build: one(func(b *Builder, x *G.Node) *G.Node { return b.Transpose(x, perm...) }),
			want: func(in []array) array {
				x, shape := in[0], make([]int, len(perm))
				for i, p := range perm {
					shape[i] = x.shape[p]
				}
				return fillArray(shape, func(i []int) float64 {
					j := make([]int, len(i))
					for k, p := range perm {
						j[p] = i[k]
					}
					return x.at(j...)
				})
			},
		}
	}
	c := permuted(1, 0)
	c.at = [][]input{{floats(-1, 1, 2, 3)}, {floats(-1, 1, 1, 4)}, {floats(-1, 1, 3, 1)}, {ints(-9, 9, 3, 2)}}
	c.bad = [][]input{{floats(-1, 1, 2)}, {floats(-1, 1, 2, 3, 4)}}
	cases["Transpose"] = c

	c.build = one(func(b *Builder, x *G.Node) *G.Node { return b.Transpose(x) })
	c.bad = nil
	cases["Transpose reverses"] = c

	c = permuted(1, 2, 0)
	c.at = [][]input{{floats(-1, 1, 2, 3, 4)}, {floats(-1, 1, 1, 3, 2)}}
	cases["Transpose three"] = c

	c = permuted(2, 0, 3, 1)
	c.at = [][]input{{floats(-1, 1, 2, 3, 4, 5)}, {floats(-1, 1, 1, 2, 1, 3)}}
	cases["Transpose four"] = c

	c = permuted(0, 0)
	c.at, c.bad = nil, [][]input{{floats(-1, 1, 2, 3)}}
	cases["Transpose by no permutation"] = c
}

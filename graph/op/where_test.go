package op

import G "gorgonia.org/gorgonia"

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
		bad:      [][]input{{whole(0, 1, 2), floats(-1, 1, 3), floats(-1, 1)}, {whole(0, 1), floats(-1, 1, 3), floats(-1, 1, 2)}},
		constant: []int{0},
	}
}

package op

import (
	"slices"

	G "gorgonia.org/gorgonia"
)

func init() {
	cases["Gather"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.Gather(in[0], in[1]) },
		want: func(in []array) array {
			table, index := in[0], in[1]
			n := len(index.shape)
			return fillArray(slices.Concat(index.shape, table.shape[1:]), func(i []int) float64 {
				row := int(index.at(i[:n]...))
				return table.at(append([]int{row}, i[n:]...)...)
			})
		},
		at: [][]input{
			{floats(-1, 1, 5, 3), ints(0, 4, 7)},
			{floats(-1, 1, 5, 3), ints(0, 4, 2, 3)},
			{floats(-1, 1, 5, 3), ints(0, 4)},
			{floats(-1, 1, 4), ints(0, 3, 2, 2)},
			{floats(-1, 1, 1, 2), ints(0, 0, 3)},
			{floats(-1, 1, 3, 2, 2), ints(0, 2, 2, 1)},
			{ints(-9, 9, 3, 2), ints(0, 2, 5)},
		},
		bad: [][]input{{floats(-1, 1), ints(0, 1, 2)}, {floats(-1, 1, 3, 2), floats(0, 1, 2)}},
	}
}

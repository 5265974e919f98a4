package op

import (
	"slices"

	G "gorgonia.org/gorgonia"
)

func init() {
	cases["ScatterAdd"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.ScatterAdd(in[0], in[1], 4) },
		want: func(in []array) array {
			index, x := in[0], in[1]
			n := len(index.shape)
			return fillArray(append([]int{4}, x.shape[n:]...), func(at []int) float64 {
				sum := 0.0
				fillArray(x.shape, func(i []int) float64 {
					if int(index.at(i[:n]...)) == at[0] && slices.Equal(i[n:], at[1:]) {
						sum += x.at(i...)
					}
					return 0
				})
				return sum
			})
		},
		at: [][]input{
			{ints(0, 3, 7), floats(-1, 1, 7, 3)},
			{ints(0, 3, 2, 3), floats(-1, 1, 2, 3, 2)},
			{ints(0, 3), floats(-1, 1, 3)},
			{ints(0, 3, 5), floats(-1, 1, 5)},
		},
		bad: [][]input{{ints(0, 3, 2, 3), floats(-1, 1, 2, 4)}, {ints(0, 3, 2), floats(-1, 1)},
			{floats(0, 3, 2), floats(-1, 1, 2)}},
	}
}

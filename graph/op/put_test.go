package op

import (
	"slices"

	G "gorgonia.org/gorgonia"
)

func init() {
	cases["Put"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.Put(in[0], in[1], in[2]) },
		want: func(in []array) array {
			table, index, rows := in[0], in[1], in[2]
			n := len(index.shape)
			return fillArray(table.shape, func(at []int) float64 {
				x := table.at(at...)
				fillArray(rows.shape, func(i []int) float64 {
					if int(index.at(i[:n]...)) == at[0] && slices.Equal(i[n:], at[1:]) {
						x = rows.at(i...)
					}
					return 0
				})
				return x
			})
		},
		at: [][]input{
			{floats(-1, 1, 4, 3), ints(0, 3, 7), floats(-1, 1, 7, 3)},
			{floats(-1, 1, 9, 2), ints(0, 8, 2, 3), floats(-1, 1, 2, 3, 2)},
			{floats(-1, 1, 4), ints(0, 3, 5), floats(-1, 1, 5)},
			{floats(-1, 1, 4, 2, 3), ints(0, 3, 1), floats(-1, 1, 1, 2, 3)},
		},
		bad: [][]input{
			{floats(-1, 1, 4, 3), ints(0, 3, 2), floats(-1, 1, 2, 4)}, {floats(-1, 1, 4, 3), ints(0, 3, 2), floats(-1, 1, 3, 3)},
			{floats(-1, 1, 4, 3), floats(0, 3, 2), floats(-1, 1, 2, 3)}, {floats(-1, 1), ints(0, 3, 2), floats(-1, 1, 2)},
			{floats(-1, 1, 4, 3), ints(0, 3, 2), ints(0, 3, 2, 3)},
		},
	}
	cases["Last"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.Last(in[0], 4) },
		want: func(in []array) array {
			return fillArray(in[0].shape, func(at []int) (last float64) {
				fillArray(in[0].shape, func(i []int) float64 {
					if in[0].at(i...) == in[0].at(at...) {
						last = float64(i[0])
					}
					return 0
				})
				return last
			})
		},
		at:  [][]input{{ints(0, 3, 9)}, {ints(2, 2, 3)}},
		bad: [][]input{{floats(0, 3, 2)}},
	}
}

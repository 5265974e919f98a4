package op

import (
	"slices"

	G "gorgonia.org/gorgonia"
)

func init() {
	cases["RowsOf"] = opCase{ // of two tables' gradients, added up: the rows of both
		build: func(b *Builder, in []*G.Node) *G.Node {
			first, second := b.ScatterAdd(in[0], in[1], 4), b.ScatterAdd(in[2], in[3], 4)
			if b.Err() != nil { // RowsOf says then that it cannot take apart what it is given
				return first
			}
			_, rows, _ := b.RowsOf(G.Must(G.Add(first, second)))
			return rows
		},
		want: func(in []array) array {
			all := zeros(len(in[0].data)+len(in[2].data), 2)
			copy(all.data, append(slices.Clone(in[1].data), in[3].data...))
			return all
		},
		at: [][]input{{ints(0, 3, 5), floats(-1, 1, 5, 2), ints(0, 3, 3, 1), floats(-1, 1, 3, 1, 2)}},
	}
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

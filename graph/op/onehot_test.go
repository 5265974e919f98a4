package op

import (
	"slices"

	G "gorgonia.org/gorgonia"
)

func init() {
	cases["OneHot"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.OneHot(in[0], 4, in[1]) },
		want: func(in []array) array {
			return fillArray(append(slices.Clone(in[0].shape), 4), func(i []int) float64 {
				if n := len(i) - 1; int(in[0].at(i[:n]...)) == i[n] {
					return 1
				}
				return 0
			})
		},
		at: [][]input{
			{ints(0, 3), floats(0, 1)},
			{ints(-1, 4, 9), floats(0, 1, 2)},
			{ints(0, 3, 2, 1, 3), floats(0, 1)},
			{ints(0, 3, 2), ints(0, 1)},
		},
		constants: true,
	}
	cases["OneHot of one"] = opCase{
		build:     func(b *Builder, in []*G.Node) *G.Node { return b.OneHot(in[0], 1, in[1]) },
		want:      func(in []array) array { return array{[]int{2, 1}, []float64{1, 1}} },
		at:        [][]input{{ints(0, 0, 2), floats(0, 1)}},
		constants: true,
	}
	cases["OneHot of none"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.OneHot(in[0], 0, G.NewScalar(b.Graph(), G.Float32)) },
		bad:   [][]input{{ints(0, 0, 2)}},
	}
	cases["OneHot of numbers"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.OneHot(in[0], 4, in[0]) },
		bad:   [][]input{{floats(0, 3, 2, 3)}},
	}
}

package op

import G "gorgonia.org/gorgonia"

func init() {
	cases["Stack"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.Stack(1, in...) },
		want: func(in []array) array {
			s := in[0].shape
			shape := append([]int{s[0], len(in)}, s[1:]...)
			return fillArray(shape, func(i []int) float64 { return in[i[1]].at(append([]int{i[0]}, i[2:]...)...) })
		},
		at: [][]input{{floats(-1, 1, 2)}, {floats(-1, 1, 2), floats(-1, 1, 2)},
			{floats(-1, 1, 3, 2), floats(-1, 1, 3, 2), floats(-1, 1, 3, 2)}},
		bad: [][]input{{floats(-1, 1, 3), floats(-1, 1, 2)}},
	}
}

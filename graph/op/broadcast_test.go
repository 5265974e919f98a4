package op

import G "gorgonia.org/gorgonia"

func init() {
	shape := []int{2, 3, 4}
	cases["Broadcast"] = opCase{
		build: one(func(b *Builder, x *G.Node) *G.Node { return b.Broadcast(x, shape...) }),
		want: func(in []array) array {
			return fillArray(shape, func(i []int) float64 { return in[0].at(i...) })
		},
		at: [][]input{
			{floats(-1, 1)}, {floats(-1, 1, 1)}, {floats(-1, 1, 4)}, {floats(-1, 1, 3, 1)}, {floats(-1, 1, 2, 1, 1)},
			{floats(-1, 1, 2, 3, 4)}, {ints(-9, 9, 1, 3, 4)},
		},
		bad: [][]input{{floats(-1, 1, 3)}, {floats(-1, 1, 1, 2, 3, 4)}, {floats(-1, 1, 2, 1)}},
	}
}

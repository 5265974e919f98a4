package op

import G "gorgonia.org/gorgonia"

func init() {
	for name, shape := range map[string][]int{"Fill": {2, 3}, "Fill a scalar": nil} {
		cases[name] = opCase{
			build:     one(func(b *Builder, x *G.Node) *G.Node { return b.Fill(x, -3, shape...) }),
			want:      func([]array) array { return fillArray(shape, func([]int) float64 { return -3 }) },
			at:        [][]input{{floats(-1, 1)}, {floats(-1, 1, 4)}, {ints(0, 9, 1, 2)}},
			constants: true,
		}
	}
	cases["Fill integers with a fraction"] = opCase{
		build: one(func(b *Builder, x *G.Node) *G.Node { return b.Fill(x, 0.5, 2) }),
		bad:   [][]input{{ints(0, 1, 3)}},
	}
}

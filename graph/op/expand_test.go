package op

import G "gorgonia.org/gorgonia"

func init() {
	for name, axis := range map[string]int{"Expand in front": 0, "Expand inside": 1, "Expand at the end": -1} {
		cases[name] = opCase{
			build: one(func(b *Builder, x *G.Node) *G.Node { return b.Expand(x, axis) }),
			want: func(in []array) array {
				shape := []int{1, 2, 3}
				if axis != 0 {
					shape = []int{2, 1, 3}
				}
				if axis < 0 {
					shape = []int{2, 3, 1}
				}
				return array{shape, in[0].data}
			},
			at: [][]input{{floats(-1, 1, 2, 3)}},
		}
	}
	cases["Expand nowhere"] = opCase{
		build: one(func(b *Builder, x *G.Node) *G.Node { return b.Expand(x, 3) }),
		bad:   [][]input{{floats(-1, 1, 2)}, {floats(-1, 1)}},
	}
}

package op

import G "gorgonia.org/gorgonia"

func init() {
	for name, axis := range map[string]int{"Iota first": 0, "Iota middle": 1, "Iota last": -1} {
		at := (axis + 3) % 3
		cases[name] = opCase{
			build:     one(func(b *Builder, x *G.Node) *G.Node { return b.Iota(x, axis, 2, 3, 4) }),
			want:      func([]array) array { return fillArray([]int{2, 3, 4}, func(i []int) float64 { return float64(i[at]) }) },
			at:        [][]input{{floats(-1, 1)}, {ints(0, 9, 4)}},
			constants: true,
		}
	}
}

package op

import G "gorgonia.org/gorgonia"

func init() {
	for name, shape := range map[string][]int{"Reshape": {3, 4}, "Reshape to four": {1, 2, 3, 2}, "Reshape to one": {12}} {
		cases[name] = opCase{
			build: one(func(b *Builder, x *G.Node) *G.Node { return b.Reshape(x, shape...) }),
			want:  func(in []array) array { return array{shape, in[0].data} },
			at:    [][]input{{floats(-1, 1, 12)}, {floats(-1, 1, 2, 6)}, {floats(-1, 1, 3, 1, 4)}, {ints(-9, 9, 6, 2)}},
			bad:   [][]input{{floats(-1, 1, 11)}, {floats(-1, 1)}},
		}
	}
	cases["Reshape to the rest"] = opCase{
		build: one(func(b *Builder, x *G.Node) *G.Node { return b.Reshape(x, 2, -1) }),
		want:  func(in []array) array { return array{[]int{2, len(in[0].data) / 2}, in[0].data} },
		at:    [][]input{{floats(-1, 1, 12)}, {floats(-1, 1, 2)}, {floats(-1, 1, 3, 1, 4)}},
		bad:   [][]input{{floats(-1, 1, 3, 3)}, {floats(-1, 1)}},
	}
	cases["Reshape to a scalar"] = opCase{
		build: one(func(b *Builder, x *G.Node) *G.Node { return b.Reshape(x) }),
		want:  func(in []array) array { return array{nil, in[0].data} },
		at:    [][]input{{floats(-1, 1, 1)}, {floats(-1, 1, 1, 1)}},
		bad:   [][]input{{floats(-1, 1, 2)}},
	}
	cases["Reshape to nothing"] = opCase{
		build: one(func(b *Builder, x *G.Node) *G.Node { return b.Reshape(x, 0, -1) }),
		bad:   [][]input{{floats(-1, 1, 2, 3)}},
	}
	cases["Reshape a scalar"] = opCase{
		build: one(func(b *Builder, x *G.Node) *G.Node { return b.Reshape(x, 1, 1) }),
		want:  func(in []array) array { return array{[]int{1, 1}, in[0].data} },
		at:    [][]input{{floats(-1, 1)}, {floats(-1, 1, 1)}},
	}
}

// one adapts a method of one input to opCase.build.
func one(method func(b *Builder, x *G.Node) *G.Node) func(b *Builder, in []*G.Node) *G.Node {
	return func(b *Builder, in []*G.Node) *G.Node { return method(b, in[0]) }
}

package op

import G "gorgonia.org/gorgonia"

func init() {
	cases["Squeeze"] = opCase{
		build: one(func(b *Builder, x *G.Node) *G.Node { return b.Squeeze(x, 1) }),
		want:  func(in []array) array { return array{append(in[0].shape[:1:1], in[0].shape[2:]...), in[0].data} },
		at:    [][]input{{floats(-1, 1, 2, 1, 3)}, {floats(-1, 1, 4, 1)}, {floats(-1, 1, 1, 1)}},
		bad:   [][]input{{floats(-1, 1, 2, 3)}, {floats(-1, 1, 2)}, {floats(-1, 1)}},
	}
	cases["Squeeze the last"] = opCase{
		build: one(func(b *Builder, x *G.Node) *G.Node { return b.Squeeze(x, -1) }),
		want:  func(in []array) array { return array{in[0].shape[:len(in[0].shape)-1], in[0].data} },
		at:    [][]input{{floats(-1, 1, 2, 3, 1)}, {floats(-1, 1, 1)}},
	}
}

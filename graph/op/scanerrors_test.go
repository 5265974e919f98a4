package op_test

import (
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
)

// What does not fit is said in one line, by Scan and by Unroll alike.
func TestScanRefuses(t *testing.T) {
	g := G.NewGraph()
	tensorOf := func(name string, shape ...int) *G.Node {
		return G.NewTensor(g, G.Float32, len(shape), G.WithShape(shape...), G.WithName(name))
	}
	xs, h, w := tensorOf("xs", 4, 2, 3), tensorOf("h", 2, 5), tensorOf("w", 4, 5)
	seqs, states := []*G.Node{xs}, []*G.Node{h}
	same := func(_ *op.Builder, in op.In) op.Out { return op.Out{States: in.States} }
	for want, c := range map[string]struct {
		scan op.Scan
		step op.Step
	}{
		"shapes [2 3] and [4 5] do not fit": {op.Scan{Seqs: seqs, States: states}, func(b *op.Builder, in op.In) op.Out {
			return op.Out{States: []*G.Node{b.Product(in.Seqs[0], w)}}
		}},
		"becomes float32 [2 3]":             {op.Scan{Seqs: seqs, States: states}, func(_ *op.Builder, in op.In) op.Out { return op.Out{States: in.Seqs} }},
		"gives 0 states, wants 1":           {op.Scan{Seqs: seqs, States: states}, func(*op.Builder, op.In) op.Out { return op.Out{} }},
		"input 0 is nil":                    {op.Scan{Seqs: seqs, States: states}, func(*op.Builder, op.In) op.Out { return op.Out{States: []*G.Node{nil}} }},
		"needs a sequence":                  {op.Scan{States: states}, same},
		"have different lengths":            {op.Scan{Seqs: []*G.Node{xs, w, tensorOf("ys", 3, 2)}, States: states}, same},
		"needs a leading dimension":         {op.Scan{Seqs: []*G.Node{nil}, States: states}, same},
		"state or constant 1 is nil":        {op.Scan{Seqs: seqs, States: states, Consts: []*G.Node{nil}}, same},
		"the mask mask[4 2 1] is not T×B":   {op.Scan{Seqs: seqs, States: states, Mask: tensorOf("mask", 4, 2, 1)}, same},
		"belongs to another graph":          {op.Scan{Seqs: []*G.Node{G.NewVector(G.NewGraph(), G.Float32, G.WithShape(4), G.WithName("z"))}, States: states}, same},
		"needs at least one floating-point": {op.Scan{Seqs: seqs}, func(*op.Builder, op.In) op.Out { return op.Out{} }},
	} {
		b := op.New(g)
		b.Scan(c.scan, c.step)
		if b.Err() == nil || !strings.Contains(b.Err().Error(), want) || strings.Contains(b.Err().Error(), "\n") {
			t.Errorf("error %v, want one line that says %q", b.Err(), want)
		}
	}
}

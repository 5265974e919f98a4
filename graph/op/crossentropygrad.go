package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// crossEntropyGrad is the derivative of a CrossEntropy: (softmax(logits) - q) ⊙ g ⊙ mask. mask holds at most one node.
func (b *Builder) crossEntropyGrad(o crossEntropy, logits, target, g *G.Node, mask []*G.Node) *G.Node {
	return b.apply(crossEntropyGrad{o}, append([]*G.Node{logits, target, g}, mask...)...)
}

type crossEntropyGrad struct{ of crossEntropy }

func (o crossEntropyGrad) String() string { return "CrossEntropyGrad" + o.of.options() }
func (o crossEntropyGrad) Type(in []ir.Type) (ir.Type, error) {
	_, err := o.of.Type(in)
	return in[0], err
}
func (o crossEntropyGrad) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	return b.New(ir.Rows{Kind: tape.CrossEntropyGrad, Mask: o.of.masked, Smoothing: o.of.smoothing}, in...)
}
func (o crossEntropyGrad) Differentiable(input int) bool { return input == 0 || input == 2 }

// Diff, with h the incoming gradient: the derivative of softmax for the logits, Σ_j h_j (softmax(logits) - q)_j
// ⊙ mask for g.
func (o crossEntropyGrad) Diff(b *Builder, in []*G.Node, _, h *G.Node) []*G.Node {
	logits, target, g, mask := in[0], in[1], in[2], in[3:]
	weight := g
	if o.of.masked {
		weight = b.Mul(g, mask[0])
	}
	ds := make([]*G.Node, len(in))
	ds[0] = b.Mul(b.softmaxGrad(b.Softmax(logits), h), b.Expand(weight, -1))
	slope := b.crossEntropyGrad(o.of, logits, target, b.Fill(logits, 1, g.Shape()...), mask)
	ds[2] = b.Sum(b.Mul(h, slope), -1)
	return ds
}

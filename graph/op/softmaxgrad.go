package op

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// softmaxGrad is the derivative of y = Softmax(x): y ⊙ (g - Σ g ⊙ y).
func (b *Builder) softmaxGrad(y, g *G.Node) *G.Node { return b.apply(softmaxGrad{}, y, g) }

type softmaxGrad struct{}

func (softmaxGrad) String() string                     { return "SoftmaxGrad" }
func (softmaxGrad) Type(in []ir.Type) (ir.Type, error) { return alikeRows(in) }
func (softmaxGrad) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	return b.New(ir.Rows{Kind: tape.SoftmaxGrad}, in...)
}

// Diff, with h the incoming gradient: h ⊙ (g - Σ g ⊙ y) - g ⊙ Σ h ⊙ y for y; the same function of h for g.
func (softmaxGrad) Diff(b *Builder, in []*G.Node, _, h *G.Node) []*G.Node {
	y, g := in[0], in[1]
	gy, hy := b.rowSum(b.Mul(g, y)), b.rowSum(b.Mul(h, y))
	return []*G.Node{b.Sub(b.Mul(h, b.Sub(g, gy)), b.Mul(g, hy)), b.softmaxGrad(y, h)}
}

// alikeRows checks that all of in are the same floating-point rows.
func alikeRows(in []ir.Type) (ir.Type, error) {
	for _, t := range in {
		if t.Dtype != in[0].Dtype || !t.Shape.Equal(in[0].Shape) {
			return ir.Type{}, errors.Errorf("%v and %v differ", in[0], t)
		}
	}
	return in[0], rows(in[0])
}

// rowSum is the sum over the last axis, which stays, as 1.
func (b *Builder) rowSum(x *G.Node) *G.Node { return b.Expand(b.Sum(x, -1), -1) }

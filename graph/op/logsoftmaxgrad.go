package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// logSoftmaxGrad is the derivative of y = LogSoftmax(x): g - e^y Σ g.
func (b *Builder) logSoftmaxGrad(y, g *G.Node) *G.Node { return b.apply(logSoftmaxGrad{}, y, g) }

type logSoftmaxGrad struct{}

func (logSoftmaxGrad) String() string                     { return "LogSoftmaxGrad" }
func (logSoftmaxGrad) Type(in []ir.Type) (ir.Type, error) { return alikeRows(in) }
func (logSoftmaxGrad) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	return b.New(ir.Rows{Kind: tape.LogSoftmaxGrad}, in...)
}

// Diff, with h the incoming gradient: -h ⊙ e^y Σ g for y, h - Σ h ⊙ e^y for g.
func (logSoftmaxGrad) Diff(b *Builder, in []*G.Node, _, h *G.Node) []*G.Node {
	y, g := in[0], in[1]
	hp := b.Mul(h, b.Exp(y))
	return []*G.Node{b.Neg(b.Mul(hp, b.rowSum(g))), b.Sub(h, b.rowSum(hp))}
}

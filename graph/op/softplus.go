package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Softplus is ln(1+eˣ), computed as max(x, 0) + ln(1+e^-|x|), which does not overflow.
func (b *Builder) Softplus(x *G.Node) *G.Node { return b.apply(softplus{}, x) }

type softplus struct{}

func (softplus) String() string                     { return "Softplus" }
func (softplus) Type(in []ir.Type) (ir.Type, error) { return elementwise(in) }
func (softplus) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	x := in[0]
	tail := b.Elem(tape.Log1p, b.Elem(tape.Exp, b.Elem(tape.Neg, b.Elem(tape.Abs, x))))
	return b.Add(b.Elem(tape.Max, x, b.Const(0)), tail)
}

// Diff: d ln(1+eˣ) = σ(x) dx.
func (softplus) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	return []*G.Node{b.Mul(g, b.Sigmoid(in[0]))}
}

package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Exp is eˣ.
func (b *Builder) Exp(x *G.Node) *G.Node { return b.apply(exp{}, x) }

type exp struct{}

func (exp) String() string                                { return "Exp" }
func (exp) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (exp) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Exp, in...) }

// Diff: deˣ = eˣ dx.
func (exp) Diff(b *Builder, _ []*G.Node, y, g *G.Node) []*G.Node {
	return []*G.Node{b.Mul(g, y)}
}

package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Cos is cos x.
func (b *Builder) Cos(x *G.Node) *G.Node { return b.apply(cos{}, x) }

type cos struct{}

func (cos) String() string                                { return "Cos" }
func (cos) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (cos) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Cos, in...) }

// Diff: d cos x = -sin x dx.
func (cos) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	return []*G.Node{b.Neg(b.Mul(g, b.Sin(in[0])))}
}

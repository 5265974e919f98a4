package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Sin is sin x.
func (b *Builder) Sin(x *G.Node) *G.Node { return b.apply(sin{}, x) }

type sin struct{}

func (sin) String() string                                { return "Sin" }
func (sin) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (sin) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Sin, in...) }

// Diff: d sin x = cos x dx.
func (sin) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	return []*G.Node{b.Mul(g, b.Cos(in[0]))}
}

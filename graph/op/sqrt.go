package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Sqrt is √x.
func (b *Builder) Sqrt(x *G.Node) *G.Node { return b.apply(sqrt{}, x) }

type sqrt struct{}

func (sqrt) String() string                                { return "Sqrt" }
func (sqrt) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (sqrt) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Sqrt, in...) }

// Diff: d√x = dx / 2√x.
func (sqrt) Diff(b *Builder, _ []*G.Node, y, g *G.Node) []*G.Node {
	return []*G.Node{b.Div(b.Affine(g, 0.5, 0), y)}
}

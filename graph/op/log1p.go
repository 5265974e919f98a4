package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Log1p is ln(1+x), exact for small x.
func (b *Builder) Log1p(x *G.Node) *G.Node { return b.apply(log1p{}, x) }

type log1p struct{}

func (log1p) String() string                                { return "Log1p" }
func (log1p) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (log1p) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Log1p, in...) }

// Diff: d ln(1+x) = dx / (1+x).
func (log1p) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	return []*G.Node{b.Div(g, b.Affine(in[0], 1, 1))}
}

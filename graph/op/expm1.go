package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Expm1 is eˣ-1, exact for small x.
func (b *Builder) Expm1(x *G.Node) *G.Node { return b.apply(expm1{}, x) }

type expm1 struct{}

func (expm1) String() string                                { return "Expm1" }
func (expm1) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (expm1) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Expm1, in...) }

// Diff: d(eˣ-1) = eˣ dx.
func (expm1) Diff(b *Builder, _ []*G.Node, y, g *G.Node) []*G.Node {
	return []*G.Node{b.Mul(g, b.Affine(y, 1, 1))}
}

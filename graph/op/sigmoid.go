package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Sigmoid is σ(x) = 1/(1+e⁻ˣ).
func (b *Builder) Sigmoid(x *G.Node) *G.Node { return b.apply(sigmoid{}, x) }

type sigmoid struct{}

func (sigmoid) String() string                                { return "Sigmoid" }
func (sigmoid) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (sigmoid) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Sigmoid, in...) }

// Diff: dσ = σ (1-σ) dx.
func (sigmoid) Diff(b *Builder, _ []*G.Node, y, g *G.Node) []*G.Node {
	return []*G.Node{b.Mul(g, b.Mul(y, b.Affine(y, -1, 1)))}
}

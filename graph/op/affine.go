package op

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// Affine is scale*x + shift with two numbers, element by element.
func (b *Builder) Affine(x *G.Node, scale, shift float64) *G.Node {
	return b.apply(affine{scale, shift}, x)
}

type affine struct{ scale, shift float64 }

func (o affine) String() string                     { return fmt.Sprintf("Affine(%g, %g)", o.scale, o.shift) }
func (o affine) Type(in []ir.Type) (ir.Type, error) { return elementwise(in) }
func (o affine) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	return b.Add(b.Mul(in[0], b.Const(o.scale)), b.Const(o.shift))
}

// Diff: d(scale x + shift) = scale dx.
func (o affine) Diff(b *Builder, _ []*G.Node, _, g *G.Node) []*G.Node {
	return []*G.Node{b.Affine(g, o.scale, 0)}
}

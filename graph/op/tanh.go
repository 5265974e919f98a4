package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Tanh is tanh x, element by element.
func (b *Builder) Tanh(x *G.Node) *G.Node { return b.apply(tanh{}, x) }

type tanh struct{}

func (tanh) String() string                                { return "Tanh" }
func (tanh) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (tanh) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Tanh, in...) }

// Diff: d tanh x = (1 - tanh² x) dx.
func (tanh) Diff(b *Builder, in []*G.Node, y, g *G.Node) []*G.Node {
	return []*G.Node{b.Mul(g, b.Affine(b.Mul(y, y), -1, 1))}
}

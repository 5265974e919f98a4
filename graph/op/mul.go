package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Mul is x ⊙ y, element by element, broadcast.
func (b *Builder) Mul(x, y *G.Node) *G.Node { return b.apply(mul{}, x, y) }

type mul struct{}

func (mul) String() string                                { return "Mul" }
func (mul) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (mul) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Mul, in...) }

// Diff: d(xy) = y dx + x dy.
func (mul) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	x, y := in[0], in[1]
	return []*G.Node{b.unbroadcast(b.Mul(g, y), x), b.unbroadcast(b.Mul(g, x), y)}
}

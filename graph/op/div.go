package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Div is x / y, broadcast.
func (b *Builder) Div(x, y *G.Node) *G.Node { return b.apply(div{}, x, y) }

type div struct{}

func (div) String() string                                { return "Div" }
func (div) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (div) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Div, in...) }

// Diff: d(x/y) = (dx - (x/y) dy) / y.
func (div) Diff(b *Builder, in []*G.Node, q, g *G.Node) []*G.Node {
	x, y := in[0], in[1]
	dx := b.Div(g, y)
	return []*G.Node{b.unbroadcast(dx, x), b.unbroadcast(b.Neg(b.Mul(dx, q)), y)}
}

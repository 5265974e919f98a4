package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Min is the smaller of x and y, broadcast; NaN where either is NaN.
func (b *Builder) Min(x, y *G.Node) *G.Node { return b.apply(minimum{}, x, y) }

type minimum struct{}

func (minimum) String() string                                { return "Min" }
func (minimum) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (minimum) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Min, in...) }

// Diff: the gradient goes to the smaller, half to each where they are equal.
func (minimum) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	x, y := in[0], in[1]
	toX := b.Affine(b.Add(b.Le(x, y), b.Lt(x, y)), 0.5, 0) // 1, ½ or 0
	return []*G.Node{b.unbroadcast(b.Mul(g, toX), x), b.unbroadcast(b.Mul(g, b.Affine(toX, -1, 1)), y)}
}

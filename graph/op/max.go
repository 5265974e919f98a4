package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Max is the larger of x and y, broadcast; NaN where either is NaN.
func (b *Builder) Max(x, y *G.Node) *G.Node { return b.apply(maximum{}, x, y) }

type maximum struct{}

func (maximum) String() string                                { return "Max" }
func (maximum) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (maximum) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Max, in...) }

// Diff: the gradient goes to the larger, half to each where they are equal.
func (maximum) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	x, y := in[0], in[1]
	toX := b.Affine(b.Add(b.Le(y, x), b.Lt(y, x)), 0.5, 0) // 1, ½ or 0
	return []*G.Node{b.unbroadcast(b.Mul(g, toX), x), b.unbroadcast(b.Mul(g, b.Affine(toX, -1, 1)), y)}
}

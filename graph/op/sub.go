package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Sub is x - y, broadcast.
func (b *Builder) Sub(x, y *G.Node) *G.Node { return b.apply(sub{}, x, y) }

type sub struct{}

func (sub) String() string                                { return "Sub" }
func (sub) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (sub) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Sub, in...) }

// Diff: d(x-y) = dx - dy.
func (sub) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	return []*G.Node{b.unbroadcast(g, in[0]), b.Neg(b.unbroadcast(g, in[1]))}
}

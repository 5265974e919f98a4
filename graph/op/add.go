package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Add is x + y, broadcast.
func (b *Builder) Add(x, y *G.Node) *G.Node { return b.apply(add{}, x, y) }

type add struct{}

func (add) String() string                                { return "Add" }
func (add) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (add) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Add, in...) }

// Diff: d(x+y) = dx + dy.
func (add) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	return []*G.Node{b.unbroadcast(g, in[0]), b.unbroadcast(g, in[1])}
}

package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Log is ln x.
func (b *Builder) Log(x *G.Node) *G.Node { return b.apply(log{}, x) }

type log struct{}

func (log) String() string                                { return "Log" }
func (log) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (log) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Log, in...) }

// Diff: d ln x = dx / x.
func (log) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	return []*G.Node{b.Div(g, in[0])}
}

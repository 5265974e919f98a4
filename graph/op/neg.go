package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Neg is -x.
func (b *Builder) Neg(x *G.Node) *G.Node { return b.apply(neg{}, x) }

type neg struct{}

func (neg) String() string                                { return "Neg" }
func (neg) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (neg) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Neg, in...) }

// Diff: d(-x) = -dx.
func (neg) Diff(b *Builder, _ []*G.Node, _, g *G.Node) []*G.Node {
	return []*G.Node{b.Neg(g)}
}

package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Abs is |x|.
func (b *Builder) Abs(x *G.Node) *G.Node { return b.apply(abs{}, x) }

type abs struct{}

func (abs) String() string                                { return "Abs" }
func (abs) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (abs) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Abs, in...) }

// Diff: d|x| = sign(x) dx, 0 at 0.
func (abs) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	return []*G.Node{b.Mul(g, b.Sign(in[0]))}
}

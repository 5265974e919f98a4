package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Where is x where cond is not 0, else y, broadcast. cond may be of any type; x and y may be integers if both
// are. What is not chosen has no effect, be it NaN: no gradient flows there.
func (b *Builder) Where(cond, x, y *G.Node) *G.Node { return b.apply(where{}, cond, x, y) }

type where struct{}

func (where) String() string { return "Where" }
func (where) Type(in []ir.Type) (ir.Type, error) {
	t, err := broadcastTypes(in...)
	if err != nil {
		return ir.Type{}, err
	}
	value, err := broadcastTypes(in[1:]...)
	t.Dtype = value.Dtype
	return t, err
}
func (where) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Where, in...) }
func (where) Differentiable(input int) bool                 { return input > 0 }

// Diff: the gradient goes to what was chosen.
func (where) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	cond, zero := in[0], b.Fill(g, 0)
	return []*G.Node{nil, b.unbroadcast(b.Where(cond, g, zero), in[1]), b.unbroadcast(b.Where(cond, zero, g), in[2])}
}

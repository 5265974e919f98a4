package op

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// Broadcast repeats x to a shape: dimensions are aligned at the right; those of x that are missing or 1 are repeated.
func (b *Builder) Broadcast(x *G.Node, shape ...int) *G.Node {
	if b.usable("Broadcast", x) && slices.Equal(x.Shape(), shape) {
		return x
	}
	return b.apply(spread{shape}, x)
}

type spread struct{ shape ir.Shape }

func (o spread) String() string { return fmt.Sprintf("Broadcast to %v", []int(o.shape)) }
func (o spread) Type(in []ir.Type) (ir.Type, error) {
	if s, ok := ir.BroadcastShape(in[0].Shape, o.shape); !ok || !s.Equal(o.shape) {
		return ir.Type{}, errors.Errorf("%v cannot be broadcast to %v", in[0].Shape, o.shape)
	}
	return ir.Type{Dtype: in[0].Dtype, Shape: o.shape}, positive(o.shape)
}
func (o spread) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Broadcast(in[0], o.shape...) }

// Diff: what was repeated is summed.
func (o spread) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	return []*G.Node{b.unbroadcast(g, in[0])}
}

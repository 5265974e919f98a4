package op

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// Slice takes the indices from, from+1, ..., to-1 along an axis, which counts from the end if it is negative.
func (b *Builder) Slice(x *G.Node, axis, from, to int) *G.Node {
	return b.apply(slice{axis, from, to}, x)
}

type slice struct{ axis, from, to int }

func (o slice) String() string {
	return fmt.Sprintf("Slice [%d:%d] along axis %d", o.from, o.to, o.axis)
}
func (o slice) Type(in []ir.Type) (ir.Type, error) {
	x := in[0]
	a, err := axisOf(x.Shape, o.axis)
	if err != nil {
		return ir.Type{}, err
	}
	if o.from < 0 || o.from >= o.to || o.to > x.Shape[a] {
		return ir.Type{}, errors.Errorf("[%d:%d] does not lie in [0:%d] of shape %v", o.from, o.to, x.Shape[a], x.Shape)
	}
	out := ir.Type{Dtype: x.Dtype, Shape: slices.Clone(x.Shape)}
	out.Shape[a] = o.to - o.from
	return out, nil
}
func (o slice) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	a, _ := axisOf(in[0].Shape, o.axis)
	return b.Slice(in[0], a, o.from, o.to)
}

// Diff: zeros where nothing was taken.
func (o slice) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	shape := in[0].Shape()
	a, _ := axisOf(shape, o.axis)
	return []*G.Node{b.Pad(g, a, o.from, shape[a]-o.to)}
}

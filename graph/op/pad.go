package op

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// Pad puts zeros around x along an axis: before of them in front, after of them behind.
func (b *Builder) Pad(x *G.Node, axis, before, after int) *G.Node {
	return b.apply(pad{axis, before, after}, x)
}

type pad struct{ axis, before, after int }

func (o pad) String() string {
	return fmt.Sprintf("Pad %d, %d along axis %d", o.before, o.after, o.axis)
}
func (o pad) Type(in []ir.Type) (ir.Type, error) {
	x := in[0]
	a, err := axisOf(x.Shape, o.axis)
	if err != nil {
		return ir.Type{}, err
	}
	if o.before < 0 || o.after < 0 {
		return ir.Type{}, errors.Errorf("shape %v cannot lose %d, %d elements", x.Shape, o.before, o.after)
	}
	out := ir.Type{Dtype: x.Dtype, Shape: slices.Clone(x.Shape)}
	out.Shape[a] += o.before + o.after
	return out, nil
}
func (o pad) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	a, _ := axisOf(in[0].Shape, o.axis)
	return b.New(ir.Pad{Axis: a, Before: o.before, After: o.after}, in[0])
}

// Diff: the zeros have none.
func (o pad) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	shape := in[0].Shape()
	a, _ := axisOf(shape, o.axis)
	return []*G.Node{b.Slice(g, a, o.before, o.before+shape[a])}
}

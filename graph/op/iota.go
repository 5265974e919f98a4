package op

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// Iota is a tensor of the given shape whose elements are their own index along an axis; like gives the graph
// and the element type, nothing else.
func (b *Builder) Iota(like *G.Node, axis int, shape ...int) *G.Node {
	return b.apply(indices{axis: axis, shape: shape}, like)
}

type indices struct {
	constant
	axis  int
	shape ir.Shape
}

func (o indices) String() string { return fmt.Sprintf("Iota %v along axis %d", []int(o.shape), o.axis) }
func (o indices) Type(in []ir.Type) (ir.Type, error) {
	if _, err := axisOf(o.shape, o.axis); err != nil {
		return ir.Type{}, err
	}
	return ir.Type{Dtype: in[0].Dtype, Shape: o.shape}, positive(o.shape)
}
func (o indices) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	a, _ := axisOf(o.shape, o.axis)
	return b.New(ir.Iota{Axis: a, Of: ir.Type{Dtype: in[0].Dtype, Shape: o.shape}})
}

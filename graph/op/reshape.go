package op

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// Reshape gives the elements of x, in row-major order, another shape of the same size. At most one dimension
// may be -1: it becomes what the others leave.
func (b *Builder) Reshape(x *G.Node, shape ...int) *G.Node {
	if !b.usable("Reshape", x) {
		return b.broken()
	}
	if i := slices.Index(shape, -1); i >= 0 {
		rest := -ir.Shape(shape).Size()
		shape = slices.Clone(shape)
		if rest > 0 {
			shape[i] = ir.Shape(x.Shape()).Size() / rest
		}
	}
	if slices.Equal(x.Shape(), shape) {
		return x
	}
	return b.apply(reshape{shape}, x)
}

type reshape struct{ shape ir.Shape }

func (o reshape) String() string { return fmt.Sprintf("Reshape to %v", []int(o.shape)) }
func (o reshape) Type(in []ir.Type) (ir.Type, error) {
	if err := positive(o.shape); err != nil {
		return ir.Type{}, err
	}
	if n, m := in[0].Shape.Size(), o.shape.Size(); n != m {
		return ir.Type{}, errors.Errorf("%v has %d elements, %v has %d", in[0].Shape, n, o.shape, m)
	}
	return ir.Type{Dtype: in[0].Dtype, Shape: o.shape}, nil
}
func (o reshape) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Reshape(in[0], o.shape...) }

// Diff: the same elements in the old shape.
func (o reshape) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	return []*G.Node{b.Reshape(g, in[0].Shape()...)}
}

func positive(shape ir.Shape) error {
	for _, d := range shape {
		if d < 1 {
			return errors.Errorf("shape %v has a dimension less than 1", shape)
		}
	}
	return nil
}

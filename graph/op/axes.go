package op

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// axisOf is an axis of shape counted from the front; negative axes count from the end, -1 is the last.
func axisOf(shape []int, axis int) (int, error) {
	a := axis
	if a < 0 {
		a += len(shape)
	}
	if a < 0 || a >= len(shape) {
		return 0, errors.Errorf("shape %v has no axis %d", shape, axis)
	}
	return a, nil
}

// axesOf are the axes in increasing order; no axes are all axes.
func axesOf(shape []int, axes []int) ([]int, error) {
	var as []int
	for _, axis := range axes {
		a, err := axisOf(shape, axis)
		if err != nil {
			return nil, err
		}
		if slices.Contains(as, a) {
			return nil, errors.Errorf("axis %d of shape %v is given twice", axis, shape)
		}
		as = append(as, a)
	}
	if len(axes) == 0 {
		for i := range shape {
			as = append(as, i)
		}
	}
	slices.Sort(as)
	return as, nil
}

// reduced is the shape rule of reductions.
func reduced(x ir.Type, axes []int) (ir.Type, error) {
	as, err := axesOf(x.Shape, axes)
	if err != nil {
		return ir.Type{}, err
	}
	if x.Dtype == tape.Int32 {
		return ir.Type{}, errors.New("needs a floating-point input")
	}
	out := ir.Type{Dtype: x.Dtype}
	for i, d := range x.Shape {
		if !slices.Contains(as, i) {
			out.Shape = append(out.Shape, d)
		}
	}
	return out, nil
}

// keep gives y, a reduction of x over axes, its lost dimensions back, as ones, so that it broadcasts against x.
func (b *Builder) keep(y, x *G.Node, axes []int) *G.Node {
	if b.err != nil {
		return b.broken()
	}
	as, _ := axesOf(x.Shape(), axes) // no error: the reduction had them
	shape := slices.Clone([]int(x.Shape()))
	for _, a := range as {
		shape[a] = 1
	}
	return b.Reshape(y, shape...)
}

// usable reports whether a method may look at the shapes of its arguments: no error has happened and none of
// them is nil.
func (b *Builder) usable(method string, xs ...*G.Node) bool {
	if i := slices.Index(xs, nil); i >= 0 {
		b.fail(errors.Errorf("%s: input %d is nil", method, i))
	}
	return b.err == nil
}

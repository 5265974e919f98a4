package lower

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

func (c call) reshape() *ir.Value   { return c.Reshape(c.in[0], c.shape...) }
func (c call) transpose() *ir.Value { return c.Transpose(c.in[0], c.ints("pattern")...) }
func (c call) concat() *ir.Value    { return c.Concat(c.int("axis"), c.in...) }

// size is the size of an axis as a number of the argument's type.
func (c call) size() *ir.Value {
	x, n := c.in[0], 1
	if axis := c.int("axis"); axis < len(x.Shape) {
		n = x.Shape[axis]
	}
	return c.New(ir.Const{Value: float64(n), Of: ir.Type{Dtype: x.Dtype}})
}

// repeat repeats each element along an axis as often as its second argument says, which the shape of the result
// tells as well. A number or a vector has axes of size 1 behind its own.
func (c call) repeat() *ir.Value {
	x, along := c.in[0], c.int("along")
	s := slices.Clone(x.Shape)
	for len(s) < len(c.shape) {
		s = append(s, 1)
	}
	if len(s) != len(c.shape) || along >= len(s) || s[along] == 0 {
		return nil
	}
	each, all := slices.Insert(slices.Clone(s), along+1, 1),
		slices.Insert(slices.Clone(s), along+1, c.shape[along]/s[along])
	return c.Reshape(c.Broadcast(c.Reshape(x, each...), all...), c.shape...)
}

// sliceRange is what a slice or its derivative takes: from:to along an axis of size n. Strides are not recognised.
func sliceRange(op G.Op, n int) (from, to int, ok bool) {
	s := op.(interface{ IsSlice() tensor.Slice }).IsSlice()
	if s == nil || s.End() <= s.Start() {
		return 0, n, true
	}
	return s.Start(), min(s.End(), n), s.Step() == 0 || s.Step() == 1
}

// slice takes a part; an axis of which one index is left disappears.
func (c call) slice() *ir.Value {
	x, along := c.in[0], c.int("along")
	if along >= len(x.Shape) {
		return nil
	}
	from, to, ok := sliceRange(c.node.Op(), x.Shape[along])
	if !ok {
		return nil
	}
	return c.Reshape(c.Slice(x, along, from, to), c.shape...)
}

// sliceIncr is the derivative of slice: the gradient in its place among zeros. The first argument only lends its shape.
func (c call) sliceIncr() *ir.Value {
	grad, along := c.in[1], c.int("along")
	if along >= len(c.shape) {
		return nil
	}
	n := c.shape[along]
	from, to, ok := sliceRange(c.node.Op(), n)
	part := slices.Clone(c.shape)
	part[along] = to - from
	switch {
	case !ok:
		return nil
	case grad.Shape.Size() == part.Size():
		grad = c.Reshape(grad, part...)
	case grad.Shape.Size() == 1:
		grad = c.Broadcast(c.Reshape(grad), part...)
	default:
		return c.Fail(errors.Errorf("a gradient of shape %v does not fit the slice %v", grad.Shape, part))
	}
	return c.New(ir.Pad{Axis: along, Before: from, After: n - to}, grad)
}

// at is one element.
func (c call) at() *ir.Value {
	x, coords := c.in[0], c.ints("coordinates")
	if len(coords) != len(x.Shape) {
		return nil
	}
	for axis, i := range coords {
		x = c.Slice(x, axis, i, i+1)
	}
	return c.Reshape(x)
}

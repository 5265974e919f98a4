package export

import (
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/onnx"
)

// value is a value of the program in the model, which gets it when it is first asked for.
func (t *translator) value(v *ir.Value) value {
	if t.err != nil {
		return t.none()
	}
	if x, ok := t.frame.values[v]; ok {
		return x
	}
	x := t.operation(v)
	t.frame.values[v] = x
	return x
}

// operation translates an operation.
func (t *translator) operation(v *ir.Value) value {
	in := func(i int) value { return t.value(v.Args[i]) }
	switch op := v.Op.(type) {
	case ir.Param:
		return t.frame.bind[op.Index]()
	case ir.Const, ir.Iota, ir.Broadcast:
		return t.expand(v)
	case ir.Elem:
		return t.elem(v, op)
	case ir.Reshape:
		return t.reshape(in(0), v.Args[0].Shape, v.Shape)
	case ir.Transpose:
		return t.emit("Transpose", attributes("perm", op.Perm), in(0))
	case ir.Slice:
		return t.emit("Slice", nil, in(0), t.size(op.From), t.size(op.To), t.vector(op.Axis))
	case ir.Pad:
		return t.pad(v, op)
	case ir.Concat:
		xs := make([]value, len(v.Args))
		for i := range xs {
			xs[i] = in(i)
		}
		return t.emit("Concat", attributes("axis", op.Axis), xs...)
	case ir.Product:
		return t.product(v, op)
	case ir.Reduce:
		return t.reduce(in(0), op)
	case ir.Rows:
		return t.rows(v, op)
	case ir.Gather:
		return t.emit("Gather", attributes("axis", 0), in(0), in(1))
	case ir.Proj:
		return t.part(v.Args[0], op.Index)
	case *ir.Host:
		return t.fail(errors.Errorf("%s is a function of Go: write it with operations of package op", op.Name))
	case ir.Random:
		return t.fail(errors.New("random numbers, which a model that is exported does not draw"))
	}
	return t.fail(errors.Errorf("%v is an operation of training, which is not exported", v.Op))
}

// part is one of the results of a loop or of several values in one.
func (t *translator) part(of *ir.Value, index int) value {
	switch op := of.Op.(type) {
	case ir.Tuple:
		return t.value(of.Args[index])
	case *ir.Loop:
		if t.frame.loops[of] == nil {
			t.frame.loops[of] = t.loop(of, op)
		}
		if t.err != nil {
			return t.none()
		}
		return t.frame.loops[of][index]
	}
	return t.fail(errors.Errorf("%v has several results and is not exported", of.Op))
}

// expand is a tensor of which a smaller one has all elements.
func (t *translator) expand(v *ir.Value) value {
	x, shape := t.small(v, v.Dtype)
	if shape.Equal(v.Shape) {
		return x
	}
	return t.emit("Expand", nil, x, t.shape(v.Shape))
}

// small is a tensor of a type that can be broadcast to a value, and its shape.
func (t *translator) small(v *ir.Value, to tape.Dtype) (value, ir.Shape) {
	switch op := v.Op.(type) {
	case ir.Const:
		return t.scalar(op.Value, to), nil
	case ir.Broadcast:
		return t.small(v.Args[0], to)
	case ir.Iota:
		return t.iota(op, to)
	}
	x := t.value(v)
	if v.Dtype != to {
		x = t.cast(x, types[to])
	}
	return x, v.Shape
}

// iota is 0, 1, ... along an axis, and its shape, which is 1 along the others.
func (t *translator) iota(op ir.Iota, to tape.Dtype) (value, ir.Shape) {
	n, after := op.Of.Shape[op.Axis], len(op.Of.Shape)-op.Axis-1
	var limit value
	if t.m.sizes.dim(n).fixed() {
		limit = t.integer(n)
	} else {
		limit = t.emit("Squeeze", nil, t.size(n))
	}
	x := t.cast(t.emit("Range", nil, t.integer(0), limit, t.integer(1)), types[to])
	shape := ir.Shape{n}
	for range after {
		shape = append(shape, 1)
	}
	return t.reshape(x, ir.Shape{n}, shape), shape
}

// reshape gives a value another shape. It says by numbers what it can: which dimensions stay, and one that is the rest.
func (t *translator) reshape(x value, from, to ir.Shape) value {
	if axes, ok := ones(from, to); ok {
		return t.emit("Unsqueeze", nil, x, t.vector(axes...))
	}
	if axes, ok := ones(to, from); ok {
		return t.emit("Squeeze", nil, x, t.vector(axes...))
	}
	vector, rest := make([]int, len(to)), false
	for i, n := range to {
		switch {
		case t.m.sizes.dim(n).fixed():
			vector[i] = n
		case i < len(from) && from[i] == n:
			vector[i] = 0
		case !rest:
			vector[i], rest = -1, true
		default:
			return t.emit("Reshape", nil, x, t.shape(to))
		}
	}
	return t.emit("Reshape", nil, x, t.vector(vector...))
}

// ones are the axes of size 1 that more has and less does not, if that is all in which they differ.
func ones(less, more ir.Shape) (axes []int, ok bool) {
	i := 0
	for axis, n := range more {
		switch {
		case i < len(less) && less[i] == n:
			i++
		case n == 1:
			axes = append(axes, axis)
		default:
			return nil, false
		}
	}
	return axes, i == len(less) && len(axes) > 0
}

func (t *translator) pad(v *ir.Value, op ir.Pad) value {
	before, after := make(ir.Shape, len(v.Shape)), make(ir.Shape, len(v.Shape))
	before[op.Axis], after[op.Axis] = op.Before, op.After
	return t.emit("Pad", nil, t.value(v.Args[0]), t.shape(append(before, after...)), t.scalar(0, v.Dtype))
}

// product is a product of matrices, or of stacks of them.
func (t *translator) product(v *ir.Value, op ir.Product) value {
	x, y := t.value(v.Args[0]), t.value(v.Args[1])
	if !op.TransA && !op.TransB {
		return t.emit("MatMul", nil, x, y)
	}
	if len(v.Shape) == 2 {
		var as []onnx.Attribute
		if op.TransA {
			as = append(as, attributes("transA", 1)...)
		}
		if op.TransB {
			as = append(as, attributes("transB", 1)...)
		}
		return t.emit("Gemm", as, x, y)
	}
	exchange := attributes("perm", []int{0, 2, 1})
	if op.TransA {
		x = t.emit("Transpose", exchange, x)
	}
	if op.TransB {
		y = t.emit("Transpose", exchange, y)
	}
	return t.emit("MatMul", nil, x, y)
}

func (t *translator) reduce(x value, op ir.Reduce) value {
	if op.Fn == tape.ReduceMax {
		return t.emit("ReduceMax", attributes("axes", op.Axes, "keepdims", 0), x)
	}
	return t.emit("ReduceSum", attributes("keepdims", 0), x, t.vector(op.Axes...))
}

// rows are functions of the last axis.
func (t *translator) rows(v *ir.Value, op ir.Rows) value {
	x := t.value(v.Args[0])
	last := attributes("axis", -1)
	switch {
	case op.Kind == tape.Softmax && op.Mask: // a row of which the mask leaves nothing is NaN before the second Where
		mask := t.truth(v.Args[1])
		x = t.emit("Softmax", last, t.emit("Where", nil, mask, x, t.scalar(negativeInfinity, v.Dtype)))
		return t.emit("Where", nil, mask, x, t.scalar(0, v.Dtype))
	case op.Kind == tape.Softmax:
		return t.emit("Softmax", last, x)
	case op.Kind == tape.LogSoftmax:
		return t.emit("LogSoftmax", last, x)
	case op.Kind == tape.Argmax:
		return t.cast(t.emit("ArgMax", attributes("axis", -1, "keepdims", 0), x), onnx.Int32)
	}
	return t.fail(errors.Errorf("%v is an operation of training, which is not exported", op))
}

package lower

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Flatten gives the elements of a Gorgonia value, in row-major order, as the []float32, []float64 or []int32 that
// devices take, however the value lies in memory: in column-major order, as a view, as a sparse matrix. The slice may
// be the value's own memory.
//
// Integers of all types and truth values become int32; an integer that does not fit is an error, as is a masked
// element.
func Flatten(v G.Value) (any, error) {
	if s, ok := v.(*tensor.CS); ok {
		v = s.Dense()
	}
	var l layout
	if t, ok := v.(*tensor.Dense); ok {
		if slices.Contains(t.Mask(), true) {
			return nil, errors.New("masked elements have no value; fill them first, with Filled of the tensor")
		}
		if l, ok = layoutOf(t); !ok {
			v = t.Materialize()
		}
	}
	switch x := v.Data().(type) {
	case float32:
		return []float32{x}, nil
	case float64:
		return []float64{x}, nil
	case []float32:
		return ordered(x, l), nil
	case []float64:
		return ordered(x, l), nil
	case []int32:
		return ordered(x, l), nil
	case bool:
		return truth([]bool{x}), nil
	case []bool:
		return truth(ordered(x, l)), nil
	default:
		return integers(x, l)
	}
}

// integers are the elements of the integer types that are held as int32.
func integers(data any, l layout) (any, error) {
	switch x := data.(type) {
	case int32:
		return []int32{x}, nil
	case int:
		return narrow([]int{x}, nil)
	case int64:
		return narrow([]int64{x}, nil)
	case uint8:
		return narrow([]uint8{x}, nil)
	case []int:
		return narrow(x, l)
	case []int64:
		return narrow(x, l)
	case []int16:
		return narrow(x, l)
	case []int8:
		return narrow(x, l)
	case []uint8:
		return narrow(x, l)
	case []uint16:
		return narrow(x, l)
	case []uint32:
		return narrow(x, l)
	case []uint64:
		return narrow(x, l)
	}
	return nil, errors.Errorf("a value of type %T is not supported; use float32, float64, integers or bool", data)
}

// layout says how a tensor that is not dense in row-major order lies in memory: the size and the stride of each axis.
type layout []struct{ size, stride int }

// layoutOf is nil for a tensor that is dense in row-major order; ok is false if the tensor does not say how it lies.
func layoutOf(t *tensor.Dense) (l layout, ok bool) {
	shape, strides := t.Shape(), t.Strides()
	if len(shape) == 0 {
		return nil, true
	}
	if len(strides) != len(shape) {
		return nil, !t.RequiresIterator() && t.DataOrder().IsRowMajor() && !t.DataOrder().IsTransposed()
	}
	dense, stride := true, 1
	l = make(layout, len(shape))
	for i := len(shape) - 1; i >= 0; i-- {
		dense = dense && (shape[i] == 1 || strides[i] == stride)
		stride *= shape[i]
		l[i].size, l[i].stride = shape[i], strides[i]
	}
	if dense && t.DataSize() == stride {
		return nil, true
	}
	return l, true
}

// ordered is xs in row-major order.
func ordered[T any](xs []T, l layout) []T {
	if l == nil {
		return xs
	}
	ys := []T{}
	var walk func(axis, at int)
	walk = func(axis, at int) {
		if axis == len(l) {
			ys = append(ys, xs[at])
			return
		}
		for i := range l[axis].size {
			walk(axis+1, at+i*l[axis].stride)
		}
	}
	walk(0, 0)
	return ys
}

type integer interface {
	int | int64 | int32 | int16 | int8 | uint8 | uint16 | uint32 | uint64
}

func narrow[T integer](xs []T, l layout) (any, error) {
	xs = ordered(xs, l)
	ys := make([]int32, len(xs))
	for i, x := range xs {
		ys[i] = int32(x)
		if T(ys[i]) != x || x > 0 && ys[i] < 0 {
			return nil, errors.Errorf("%d at position %d does not fit into int32", x, i)
		}
	}
	return ys, nil
}

func truth(bs []bool) []int32 {
	xs := make([]int32, len(bs))
	for i, b := range bs {
		if b {
			xs[i] = 1
		}
	}
	return xs
}

// Zeros makes a slice for the elements of a value of type t.
func Zeros(t ir.Type) any {
	n := t.Shape.Size()
	switch t.Dtype {
	case tape.Float32:
		return make([]float32, n)
	case tape.Float64:
		return make([]float64, n)
	}
	return make([]int32, n)
}

// Wrap makes a Gorgonia value of elements in row-major order; the value keeps the slice. Scalars become Gorgonia's
// scalars. The engine of tensors is that of Gorgonia's machines, which its ops expect.
func Wrap(data any, shape ir.Shape) G.Value {
	if len(shape) > 0 {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data), tensor.WithEngine(G.StandardEngine{}))
	}
	switch x := data.(type) {
	case []float32:
		return G.NewF32(x[0])
	case []float64:
		return G.NewF64(x[0])
	case []int32:
		return G.NewI32(x[0])
	case []int:
		return G.NewI(x[0])
	case []int64:
		return G.NewI64(x[0])
	case []uint8:
		return G.NewU8(x[0])
	case []bool:
		return G.NewB(x[0])
	}
	return tensor.New(tensor.WithShape(), tensor.WithBacking(data))
}

// Shown is the shape in which Gorgonia's machines give a node's value to those who read it: its own, but for a
// Tensordot over all axes. That node is a scalar, and its value a vector of one.
func Shown(n *G.Node, own ir.Shape) ir.Shape {
	if len(own) == 0 && stockName(n.Op()) == "tensordotOp" {
		return ir.Shape{1}
	}
	return own
}

// WrapAs is Wrap with a value of the given Gorgonia type: Int32 elements may stand for any integers and for truth
// values. A number that the type cannot hold is an error.
func WrapAs(data any, shape ir.Shape, d tensor.Dtype) (G.Value, error) {
	xs, ok := data.([]int32)
	if !ok || d == tensor.Int32 {
		return Wrap(data, shape), nil
	}
	switch d {
	case tensor.Int:
		return widen[int](xs, shape)
	case tensor.Int64:
		return widen[int64](xs, shape)
	case tensor.Int16:
		return widen[int16](xs, shape)
	case tensor.Int8:
		return widen[int8](xs, shape)
	case tensor.Uint8:
		return widen[uint8](xs, shape)
	case tensor.Uint16:
		return widen[uint16](xs, shape)
	case tensor.Uint32:
		return widen[uint32](xs, shape)
	case tensor.Uint64:
		return widen[uint64](xs, shape)
	case tensor.Bool:
		bs := make([]bool, len(xs))
		for i, x := range xs {
			bs[i] = x != 0
		}
		return Wrap(bs, shape), nil
	}
	return nil, errors.Errorf("integers cannot stand for %v", d)
}

func widen[T integer](xs []int32, shape ir.Shape) (G.Value, error) {
	ys := make([]T, len(xs))
	for i, x := range xs {
		ys[i] = T(x)
		if int64(ys[i]) != int64(x) {
			return nil, errors.Errorf("%d at position %d does not fit into %T", x, i, ys[i])
		}
	}
	return Wrap(ys, shape), nil
}

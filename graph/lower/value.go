package lower

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Flatten gives the elements of a Gorgonia value, in row-major order, as the []float32, []float64 or []int32 that devices take.
// The slice may be the value's own memory.
func Flatten(v G.Value) (any, error) {
	if t, ok := v.(*tensor.Dense); ok && (t.RequiresIterator() || !t.DataOrder().IsRowMajor() || t.IsMaterializable()) {
		v = t.Materialize().(*tensor.Dense)
	}
	switch x := v.Data().(type) {
	case []float32, []float64, []int32:
		return x, nil
	case float32:
		return []float32{x}, nil
	case float64:
		return []float64{x}, nil
	case int32:
		return []int32{x}, nil
	case int:
		return narrow([]int{x})
	case []int:
		return narrow(x)
	case bool:
		return truth([]bool{x}), nil
	case []bool:
		return truth(x), nil
	default:
		return nil, errors.Errorf("a value of type %T is not supported; use float32, float64 or int32", x)
	}
}

func narrow(xs []int) (any, error) {
	ys := make([]int32, len(xs))
	for i, x := range xs {
		ys[i] = int32(x)
		if int(ys[i]) != x {
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

// Wrap makes a Gorgonia value of elements in row-major order; the value keeps the slice. Scalars become Gorgonia's scalars.
func Wrap(data any, shape ir.Shape) G.Value {
	if len(shape) == 0 {
		switch x := data.(type) {
		case []float32:
			return G.NewF32(x[0])
		case []float64:
			return G.NewF64(x[0])
		case []int32:
			return G.NewI32(x[0])
		}
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
}

// WrapAs is Wrap with a value of the given Gorgonia type: Int32 elements may stand for int and bool.
func WrapAs(data any, shape ir.Shape, d tensor.Dtype) G.Value {
	xs, ok := data.([]int32)
	switch {
	case ok && d == tensor.Int:
		ys := make([]int, len(xs))
		for i, x := range xs {
			ys[i] = int(x)
		}
		if len(shape) == 0 {
			return G.NewI(ys[0])
		}
		data = ys
	case ok && d == tensor.Bool:
		ys := make([]bool, len(xs))
		for i, x := range xs {
			ys[i] = x != 0
		}
		if len(shape) == 0 {
			return G.NewB(ys[0])
		}
		data = ys
	}
	return Wrap(data, shape)
}

package op

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// An array is a tensor for the plain formulas of tests.
type array struct {
	shape []int
	data  []float64
}

func zeros(shape ...int) array { return array{shape, make([]float64, ir.Shape(shape).Size())} }

// at is the element with the given index. Where the array has only one element along an axis, or lacks leading
// axes, it is repeated.
func (a array) at(index ...int) float64 {
	index = index[len(index)-len(a.shape):]
	k := 0
	for i, d := range a.shape {
		k = k*d + index[i]%d
	}
	return a.data[k]
}

// fillArray is an array of the given shape whose element at index i is f(i).
func fillArray(shape []int, f func(i []int) float64) array {
	a := zeros(shape...)
	i := make([]int, len(shape))
	for k := range a.data {
		a.data[k] = f(i)
		for axis := len(i) - 1; axis >= 0; axis-- {
			if i[axis]++; i[axis] < shape[axis] {
				break
			}
			i[axis] = 0
		}
	}
	return a
}

// elements is the plain formula of a scalar function, broadcast.
func elements(f func(x []float64) float64) func(in []array) array {
	return func(in []array) array {
		var shape []int
		for _, a := range in {
			for len(shape) < len(a.shape) {
				shape = append([]int{1}, shape...)
			}
		}
		for _, a := range in {
			for i, d := range a.shape {
				j := len(shape) - len(a.shape) + i
				shape[j] = max(shape[j], d)
			}
		}
		return fillArray(shape, func(i []int) float64 {
			x := make([]float64, len(in))
			for k, a := range in {
				x[k] = a.at(i...)
			}
			return f(x)
		})
	}
}

// as is the data in an element type.
func (a array) as(d ir.Dtype) any {
	switch d {
	case tape.Float32:
		return converted[float32](a.data)
	case tape.Float64:
		return converted[float64](a.data)
	}
	return converted[int32](a.data)
}

func arrayOf(data any, shape []int) array {
	switch x := data.(type) {
	case []float32:
		return array{shape, converted[float64](x)}
	case []int32:
		return array{shape, converted[float64](x)}
	}
	return array{shape, converted[float64](data.([]float64))}
}

// rounded are the arrays as float32 holds them.
func rounded(as []array) []array {
	rs := make([]array, len(as))
	for i, a := range as {
		rs[i] = array{a.shape, converted[float64](converted[float32](a.data))}
	}
	return rs
}

func converted[To, From float32 | float64 | int32](xs []From) []To {
	ys := make([]To, len(xs))
	for i, x := range xs {
		ys[i] = To(x)
	}
	return ys
}

package irtest

import (
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// host calls the function with arrays of the types that a device would give it.
func host(op *ir.Host, v *ir.Value, in [][]float64, out []float64) error {
	args := make([]any, len(op.Given(v.Args)))
	for i, a := range op.Given(v.Args) {
		args[i] = array(a.Dtype, in[i])
	}
	result := array(v.Dtype, out)
	if err := op.Fn([]any{result}, args); err != nil {
		return errors.Wrap(err, "host function")
	}
	widen(out, result)
	return nil
}

// summed makes x the sum over processes.
func summed(op *ir.AllReduce, v *ir.Value, x []float64) error {
	data := array(v.Dtype, x)
	if err := op.Sum(data); err != nil {
		return errors.Wrap(err, "allreduce")
	}
	widen(x, data)
	return nil
}

// widen copies an array of a device.
func widen(to []float64, from any) {
	switch r := from.(type) {
	case []float32:
		for i, x := range r {
			to[i] = float64(x)
		}
	case []float64:
		copy(to, r)
	case []int32:
		for i, x := range r {
			to[i] = float64(x)
		}
	}
}

func array(t ir.Dtype, x []float64) any {
	switch t {
	case tape.Float32:
		y := make([]float32, len(x))
		for i := range x {
			y[i] = float32(x[i])
		}
		return y
	case tape.Int32:
		y := make([]int32, len(x))
		for i := range x {
			y[i] = int32(x[i])
		}
		return y
	}
	return append([]float64{}, x...)
}

package irtest

import (
	"math"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/internal/real"
	"github.com/unroll-ml/unroll/graph/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

var unary = map[tape.Fn]func(float64) float64{
	tape.Id:  func(x float64) float64 { return x },
	tape.Neg: func(x float64) float64 { return -x },
	tape.Abs: math.Abs,
	tape.Sign: func(x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return x
	},
	tape.Floor: math.Floor, tape.Ceil: math.Ceil, tape.Sqrt: math.Sqrt,
	tape.Exp: real.Exp, tape.Log: real.Log, tape.Log1p: math.Log1p, tape.Expm1: math.Expm1,
	tape.Sin: math.Sin, tape.Cos: math.Cos, tape.Tanh: math.Tanh,
	tape.Sigmoid: func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
}

var binary = map[tape.Fn]func(x, y float64) float64{
	tape.Add: func(x, y float64) float64 { return x + y },
	tape.Sub: func(x, y float64) float64 { return x - y },
	tape.Mul: func(x, y float64) float64 { return x * y },
	tape.Div: func(x, y float64) float64 { return x / y },
	tape.Pow: real.Pow,
	tape.Max: func(x, y float64) float64 { return max(x, y) },
	tape.Min: func(x, y float64) float64 { return min(x, y) },
	tape.Lt:  func(x, y float64) float64 { return truth(x < y) },
	tape.Le:  func(x, y float64) float64 { return truth(x <= y) },
	tape.Eq:  func(x, y float64) float64 { return truth(x == y) },
	tape.Ne:  func(x, y float64) float64 { return truth(x != y) },
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func scalar(fn tape.Fn, x [3]float64) float64 {
	if f := unary[fn]; f != nil {
		return f(x[0])
	}
	if f := binary[fn]; f != nil {
		return f(x[0], x[1])
	}
	if x[0] != 0 { // Where
		return x[1]
	}
	return x[2]
}

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
	switch r := result.(type) {
	case []float32:
		for i, x := range r {
			out[i] = float64(x)
		}
	case []float64:
		copy(out, r)
	case []int32:
		for i, x := range r {
			out[i] = float64(x)
		}
	}
	return nil
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

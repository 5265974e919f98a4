package opt

import (
	"math"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// number is what is known of a tensor whose elements are all the same: known says whether they are, and value
// is the element.
type number struct {
	value float64
	known bool
}

func known(c float64) number { return number{c, true} }

// uniform is the element of the result of op, if it follows from what is known of the arguments.
//
// With zeros, a factor 0 makes a product 0 whatever the other factor is; see Zero.
func uniform(op ir.Op, of ir.Type, float ir.Dtype, args []number, zeros bool) number {
	switch op := op.(type) {
	case ir.Const:
		return known(op.Value)
	case ir.Broadcast, ir.Reshape, ir.Transpose, ir.Slice:
		return args[0]
	case ir.Pad:
		if args[0] == known(0) || op.Before == 0 && op.After == 0 {
			return args[0]
		}
	case ir.Concat:
		for _, a := range args {
			if a != args[0] {
				return number{}
			}
		}
		return args[0]
	case ir.Elem:
		if zeros && zeroElem(op.Fn, args) {
			return known(0)
		}
		for _, a := range args {
			if !a.known {
				return number{}
			}
		}
		return elemNumber(op, float, args)
	case ir.Product:
		if zeros && (args[0] == known(0) || args[1] == known(0)) {
			return known(0)
		}
	case ir.Rows:
		if zeros && zeroRows(op, args) {
			return known(0)
		}
	case ir.ScatterAdd:
		if zeros && args[1] == known(0) {
			return known(0)
		}
	}
	return number{}
}

// elemNumber applies an elementwise function with the roundings that a device makes.
func elemNumber(e ir.Elem, float ir.Dtype, args []number) number {
	var x [3]float64
	for i, a := range args {
		x[i] = rounded(a.value, float)
	}
	y := rounded(e.Fn.Of(x[0], x[1], x[2]), float)
	if e.To == tape.Int32 {
		if !(math.Abs(y) <= math.MaxInt32) {
			return number{}
		}
		y = math.Trunc(y)
	}
	return known(y)
}

func rounded(c float64, to ir.Dtype) float64 {
	if to == tape.Float32 {
		return float64(float32(c))
	}
	return c
}

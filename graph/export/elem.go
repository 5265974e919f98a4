package export

import (
	"math"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/onnx"
)

var negativeInfinity = math.Inf(-1)

// operators are the scalar functions that are one operator of numbers.
var operators = map[tape.Fn]string{
	tape.Neg: "Neg", tape.Abs: "Abs", tape.Sign: "Sign", tape.Floor: "Floor", tape.Ceil: "Ceil", tape.Sqrt: "Sqrt",
	tape.Exp: "Exp", tape.Log: "Log", tape.Sin: "Sin", tape.Cos: "Cos", tape.Tanh: "Tanh", tape.Sigmoid: "Sigmoid",
	tape.Add: "Add", tape.Sub: "Sub", tape.Mul: "Mul", tape.Div: "Div", tape.Pow: "Pow",
	tape.Max: "Max", tape.Min: "Min",
}

// comparisons are those whose results are truth values.
var comparisons = map[tape.Fn]string{tape.Lt: "Less", tape.Le: "LessOrEqual", tape.Eq: "Equal", tape.Ne: "Equal"}

// elem is a scalar function, element by element.
func (t *translator) elem(v *ir.Value, op ir.Elem) value {
	to := types[op.To]
	if comparisons[op.Fn] != "" {
		return t.cast(t.truth(v), to)
	}
	switch op.Fn {
	case tape.Id:
		x := t.value(v.Args[0])
		if v.Args[0].Dtype == op.To {
			return x
		}
		return t.cast(x, to)
	case tape.Where:
		xs := t.together(v, v.Args[1:], op.To, t.truth(v.Args[0]))
		return t.emit("Where", nil, xs...)
	}
	xs := t.together(v, v.Args, tape.Float32)
	x := t.number(op.Fn, xs)
	if op.To != tape.Float32 {
		x = t.cast(x, to)
	}
	return x
}

// number is a function of numbers.
func (t *translator) number(fn tape.Fn, xs []value) value {
	if name, ok := operators[fn]; ok {
		return t.emit(name, nil, xs...)
	}
	one := t.scalar(1, tape.Float32)
	switch fn {
	case tape.Log1p:
		return t.emit("Log", nil, t.emit("Add", nil, xs[0], one))
	case tape.Expm1: // tanh(x/2)·(eˣ+1), which loses nothing near 0
		half := t.emit("Tanh", nil, t.emit("Mul", nil, xs[0], t.scalar(0.5, tape.Float32)))
		return t.emit("Mul", nil, half, t.emit("Add", nil, t.emit("Exp", nil, xs[0]), one))
	}
	return t.fail(errors.Errorf("the function %v is not exported", fn))
}

// together are arguments of an elementwise operator, converted to a type and behind others that have v's shape or
// less. Operators broadcast their arguments, so these may be smaller than v, but not all in the same dimension.
func (t *translator) together(v *ir.Value, args []*ir.Value, to tape.Dtype, before ...value) []value {
	xs := before
	shapes := make([]ir.Shape, len(args))
	for i, a := range args {
		x, shape := t.small(a, to)
		xs, shapes[i] = append(xs, x), shape
	}
	if shape, ok := ir.BroadcastShape(shapes...); !ok || !shape.Equal(v.Shape) {
		last := len(xs) - 1
		xs[last] = t.emit("Expand", nil, xs[last], t.shape(v.Shape))
	}
	return xs
}

// truth is whether the elements of a value are not 0, as the truth values that operators want. It may be smaller than
// the value, where that only repeats it.
func (t *translator) truth(v *ir.Value) value {
	if x, ok := t.frame.truths[v]; ok {
		return x
	}
	x := t.makeTruth(v)
	t.frame.truths[v] = x
	return x
}

func (t *translator) makeTruth(v *ir.Value) value {
	if b, ok := v.Op.(ir.Broadcast); ok && len(b.Shape) == len(v.Args[0].Shape) {
		return t.truth(v.Args[0])
	}
	op, ok := v.Op.(ir.Elem)
	if ok && op.Fn == tape.Id && (v.Dtype == tape.Float32 || v.Args[0].Dtype == v.Dtype) {
		return t.truth(v.Args[0]) // of a fraction the integer may be 0
	}
	if !ok || comparisons[op.Fn] == "" {
		return t.cast(t.value(v), onnx.Bool)
	}
	of := tape.Float32
	if !slices.ContainsFunc(v.Args, func(a *ir.Value) bool { return a.Dtype != tape.Int32 }) {
		of = tape.Int32
	}
	x := t.emit(comparisons[op.Fn], nil, t.together(v, v.Args, of)...)
	if op.Fn == tape.Ne {
		x = t.emit("Not", nil, x)
	}
	return x
}

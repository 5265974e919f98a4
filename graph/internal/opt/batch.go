package opt

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// batch computes a value of a loop's body for all steps at once, outside of the loop: op on arguments of which
// those that differ from step to step (over) have the steps as a leading dimension of size trip. So has the
// result.
//
//	elementwise, rows, concat    the other arguments are repeated
//	broadcast, reshape, transpose, slice, pad, reduce    one dimension further right
//	x_t·W                        (T×B×I as TB×I)·W
//	A_t·B_t                      T products as a batch; T×N products for batches of N
//	gather, random               all indices, all keys at once
//
// Callers ask canBatch first.
type batch struct {
	folder
	trip int
}

// canBatch reports whether there is a rule for op with these arguments.
func canBatch(op ir.Op, over []bool) bool {
	switch op.(type) {
	case ir.Elem, ir.Broadcast, ir.Reshape, ir.Transpose, ir.Slice, ir.Pad, ir.Concat, ir.Product, ir.Reduce,
		ir.Rows, ir.Random:
		return true
	case ir.Gather:
		return !over[0]
	}
	return false
}

// apply is op for all steps; at least one argument is over the steps.
func (c batch) apply(op ir.Op, args []*ir.Value, over []bool) *ir.Value {
	switch op := op.(type) {
	case ir.Elem, ir.Rows:
		return c.make(op, c.repeat(args, over)...)
	case ir.Concat:
		return c.make(ir.Concat{Axis: op.Axis + 1}, c.repeat(args, over)...)
	case ir.Broadcast:
		x := args[0]
		ones := slices.Repeat([]int{1}, len(op.Shape)+1-len(x.Shape))
		x = c.reshaped(x, slices.Concat([]int{c.trip}, ones, x.Shape[1:])...)
		return c.make(ir.Broadcast{Shape: op.Shape.With(c.trip)}, x)
	case ir.Reshape:
		return c.reshaped(args[0], op.Shape.With(c.trip)...)
	case ir.Transpose:
		return c.make(ir.Transpose{Perm: append([]int{0}, shifted(op.Perm)...)}, args[0])
	case ir.Slice:
		return c.make(ir.Slice{Axis: op.Axis + 1, From: op.From, To: op.To}, args[0])
	case ir.Pad:
		return c.make(ir.Pad{Axis: op.Axis + 1, Before: op.Before, After: op.After}, args[0])
	case ir.Reduce:
		return c.make(ir.Reduce{Fn: op.Fn, Axes: shifted(op.Axes)}, args[0])
	case ir.Product:
		return c.product(op, args, over)
	}
	return c.make(op, args...) // Gather, Random: leading dimensions are theirs to have
}

// repeat gives every argument the steps as a leading dimension.
func (c batch) repeat(args []*ir.Value, over []bool) []*ir.Value {
	out := slices.Clone(args)
	for i, a := range args {
		if !over[i] {
			out[i] = c.make(ir.Broadcast{Shape: a.Shape.With(c.trip)}, a)
		}
	}
	return out
}

func (c batch) product(op ir.Product, args []*ir.Value, over []bool) *ir.Value {
	x, y := args[0], args[1]
	rank := len(x.Shape)
	if over[0] {
		rank--
	}
	switch {
	case rank == 3:
		return c.product3(op, x, y, over)
	case over[0] && over[1]:
		return c.make(op, x, y)
	case over[0] && !op.TransA:
		m, k := x.Shape[1], x.Shape[2]
		z := c.make(op, c.reshaped(x, c.trip*m, k), y)
		return c.reshaped(z, c.trip, m, z.Shape[1])
	case over[1] && columns(y.Shape[1:], op.TransB) == 1:
		// A·b_t for column vectors: (b_1 ... b_T)ᵀ·Aᵀ.
		k := y.Shape[1:].Size()
		z := c.make(ir.Product{TransB: !op.TransA}, c.reshaped(y, c.trip, k), x)
		return c.reshaped(z, c.trip, z.Shape[1], 1)
	}
	return c.make(op, c.repeat(args, over)...)
}

// product3 is a batch of N products at each of T steps.
func (c batch) product3(op ir.Product, x, y *ir.Value, over []bool) *ir.Value {
	switch {
	case over[0] && over[1]: // N·T products
		tn := x.Shape[0] * x.Shape[1]
		z := c.make(op, c.reshaped(x, tn, x.Shape[2], x.Shape[3]), c.reshaped(y, tn, y.Shape[2], y.Shape[3]))
		return c.reshaped(z, c.trip, x.Shape[1], z.Shape[1], z.Shape[2])
	case over[0]: // N products of T·M rows
		perm := []int{1, 0, 2, 3}
		if op.TransA {
			perm = []int{1, 0, 3, 2}
		}
		x = c.transposed(x, perm...) // N×T×M×K
		n, m, k := x.Shape[0], x.Shape[2], x.Shape[3]
		z := c.make(ir.Product{TransB: op.TransB}, c.reshaped(x, n, c.trip*m, k), y)
		return c.transposed(c.reshaped(z, n, c.trip, m, z.Shape[2]), 1, 0, 2, 3)
	}
	// N products with T·P columns
	n, k, p := y.Shape[1], y.Shape[2], y.Shape[3]
	if op.TransB {
		k, p = p, k
		y = c.reshaped(c.transposed(y, 1, 0, 2, 3), n, c.trip*p, k)
	} else {
		y = c.reshaped(c.transposed(y, 1, 2, 0, 3), n, k, c.trip*p)
	}
	z := c.make(op, x, y) // N×M×TP
	return c.transposed(c.reshaped(z, n, z.Shape[1], c.trip, p), 2, 0, 1, 3)
}

// sumOfProducts is the sum over all steps of op(x)·op(y), both over the steps, as products with the steps among
// the terms of their sums:
//
//	Σ_t x_tᵀ·y_t = xᵀ·y    x_t: K×M, y_t: K×N; x: TK×M, y: TK×N
func (c batch) sumOfProducts(op ir.Product, x, y *ir.Value) *ir.Value {
	// Both get the form ...×TK×M and ...×TK×N, or its transpose if the elements lie so.
	long := func(v *ir.Value, trans bool) (*ir.Value, bool) { // trans: v is stored T×...×K×M
		s := v.Shape
		if r := len(s); r == 4 {
			if trans {
				return c.reshaped(c.transposed(v, 1, 0, 2, 3), s[1], s[0]*s[2], s[3]), true
			}
			return c.reshaped(c.transposed(v, 1, 2, 0, 3), s[1], s[2], s[0]*s[3]), false
		}
		switch {
		case trans:
			return c.reshaped(v, s[0]*s[1], s[2]), true
		case s[2] == 1:
			return c.reshaped(v, s[0], s[1]), true
		}
		return c.reshaped(c.transposed(v, 1, 0, 2), s[1], s[0]*s[2]), false
	}
	x, tx := long(x, op.TransA)
	y, ty := long(y, !op.TransB)
	return c.make(ir.Product{TransA: tx, TransB: !ty}, x, y)
}

func (c batch) reshaped(x *ir.Value, shape ...int) *ir.Value {
	return c.make(ir.Reshape{Shape: shape}, x)
}

func (c batch) transposed(x *ir.Value, perm ...int) *ir.Value {
	return c.make(ir.Transpose{Perm: perm}, x)
}

// columns is the second dimension of a matrix of shape s, or of its transpose.
func columns(s ir.Shape, trans bool) int {
	if trans {
		return s[0]
	}
	return s[1]
}

func shifted(axes []int) []int {
	out := make([]int, len(axes))
	for i, a := range axes {
		out[i] = a + 1
	}
	return out
}

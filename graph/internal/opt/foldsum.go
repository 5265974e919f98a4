package opt

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

func (c folder) reduce(op ir.Reduce, x *ir.Value) *ir.Value {
	if len(op.Axes) == 0 {
		return x
	}
	if x.Shape.Size() == 0 {
		return nil
	}
	if k, ok := constValue(x); ok {
		if op.Fn == tape.Sum {
			k *= float64(sizeOf(x.Shape, op.Axes))
		}
		return constOf(k, ir.Type{Dtype: x.Dtype, Shape: without(x.Shape, op.Axes)})
	}
	// A dimension of size 1 needs no sum.
	long := slices.DeleteFunc(slices.Clone(op.Axes), func(a int) bool { return x.Shape[a] == 1 })
	if len(long) < len(op.Axes) {
		y := c.make(ir.Reduce{Fn: op.Fn, Axes: long}, x)
		return c.make(ir.Reshape{Shape: without(x.Shape, op.Axes)}, y)
	}
	switch inner := x.Op.(type) {
	case ir.Reduce:
		y := x.Args[0]
		if inner.Fn == op.Fn {
			// The axes of op count among those that the inner one leaves.
			left := without(indices(len(y.Shape)), inner.Axes)
			axes := slices.Clone(inner.Axes)
			for _, a := range op.Axes {
				axes = append(axes, left[a])
			}
			slices.Sort(axes)
			return c.make(ir.Reduce{Fn: op.Fn, Axes: axes}, y)
		}
	case ir.Transpose:
		var axes []int
		for _, a := range op.Axes {
			axes = append(axes, inner.Perm[a])
		}
		slices.Sort(axes)
		rest := without(inner.Perm, op.Axes)
		perm := make([]int, len(rest))
		for i, p := range rest {
			for _, q := range rest {
				if q < p {
					perm[i]++
				}
			}
		}
		return c.make(ir.Transpose{Perm: perm}, c.make(ir.Reduce{Fn: op.Fn, Axes: axes}, x.Args[0]))
	case ir.Pad:
		if op.Fn == tape.Sum && slices.Contains(op.Axes, inner.Axis) {
			return c.make(op, x.Args[0])
		}
	case ir.Broadcast:
		return c.reduceOfBroadcast(op, x)
	}
	return nil
}

// reduceOfBroadcast reduces over the dimensions that x does not repeat and counts those that it does.
func (c folder) reduceOfBroadcast(op ir.Reduce, x *ir.Value) *ir.Value {
	y := x.Args[0]
	lead := len(x.Shape) - len(y.Shape)
	times := 1
	var axes, keep []int // of y: reduced, and of size 1 where x repeats and op reduces
	for _, a := range op.Axes {
		switch d := a - lead; {
		case d < 0:
			times *= x.Shape[a]
		case y.Shape[d] == 1:
			times *= x.Shape[a]
			keep = append(keep, d)
		default:
			axes = append(axes, d)
		}
	}
	if len(axes) == len(op.Axes) {
		return nil
	}
	gone := append(slices.Clone(axes), keep...)
	slices.Sort(gone)
	z := c.make(ir.Reduce{Fn: op.Fn, Axes: axes}, y)
	z = c.make(ir.Reshape{Shape: without(y.Shape, gone)}, z)
	if op.Fn == tape.Sum {
		z = c.make(ir.Elem{Fn: tape.Mul, To: z.Dtype}, z, constOf(float64(times), z.Type))
	}
	return c.make(ir.Broadcast{Shape: without(x.Shape, op.Axes)}, z)
}

func (c folder) product(op ir.Product, x, y *ir.Value) *ir.Value {
	r := len(x.Shape)
	swap := map[int][]int{2: {1, 0}, 3: {0, 2, 1}}[r]
	if t, ok := x.Op.(ir.Transpose); ok && slices.Equal(t.Perm, swap) {
		return c.make(ir.Product{TransA: !op.TransA, TransB: op.TransB}, x.Args[0], y)
	}
	if t, ok := y.Op.(ir.Transpose); ok && slices.Equal(t.Perm, swap) {
		return c.make(ir.Product{TransA: op.TransA, TransB: !op.TransB}, x, y.Args[0])
	}
	if r == 3 {
		return c.batchedProduct(op, x, y)
	}
	return nil
}

// batchedProduct is a product of two matrices if the batch holds one of each, or if the second is the same for all:
//
//	a·broadcast(b) = reshape(reshape(a)·b)    N×M×K · K×P = (NM)×K · K×P
func (c folder) batchedProduct(op ir.Product, x, y *ir.Value) *ir.Value {
	flat := func(v *ir.Value, shape ...int) *ir.Value { return c.make(ir.Reshape{Shape: shape}, v) }
	t, err := op.Infer([]*ir.Value{x, y})
	if err != nil {
		return c.b.Fail(err)
	}
	if x.Shape[0] == 1 {
		return flat(c.make(op, flat(x, x.Shape[1:]...), flat(y, y.Shape[1:]...)), t.Shape...)
	}
	if _, ok := y.Op.(ir.Broadcast); ok && !op.TransA {
		w := y.Args[0]
		if n := len(w.Shape); n >= 2 && w.Shape.Size() == y.Shape[1]*y.Shape[2] && w.Shape[n-2:].Equal(y.Shape[1:]) {
			rows := flat(x, x.Shape[0]*x.Shape[1], x.Shape[2])
			return flat(c.make(op, rows, flat(w, y.Shape[1:]...)), t.Shape...)
		}
	}
	return nil
}

// without is s without the elements at the given increasing positions.
func without[S ~[]int](s S, at []int) S {
	out := make(S, 0, len(s))
	for i, d := range s {
		if len(at) > 0 && at[0] == i {
			at = at[1:]
			continue
		}
		out = append(out, d)
	}
	return out
}

func sizeOf(s ir.Shape, axes []int) int {
	n := 1
	for _, a := range axes {
		n *= s[a]
	}
	return n
}

func indices(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

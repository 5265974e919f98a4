package opt

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

func (c folder) broadcast(op ir.Broadcast, x *ir.Value) *ir.Value {
	if x.Shape.Equal(op.Shape) {
		return x
	}
	switch inner := x.Op.(type) {
	case ir.Broadcast:
		return c.make(op, x.Args[0])
	case ir.Iota:
		if axis := inner.Axis + len(op.Shape) - len(x.Shape); x.Shape[inner.Axis] == op.Shape[axis] {
			return c.b.New(ir.Iota{Axis: axis, Of: ir.Type{Dtype: x.Dtype, Shape: op.Shape}})
		}
	case ir.Reshape:
		// Leading ones may come from either.
		y := x.Args[0]
		if lead := len(x.Shape) - len(y.Shape); lead > 0 && inner.Shape[lead:].Equal(y.Shape) {
			return c.make(op, y)
		}
	}
	if x.Shape.Size() == op.Shape.Size() && x.Shape.Size() > 0 {
		return c.make(ir.Reshape(op), x)
	}
	return nil
}

func (c folder) reshape(op ir.Reshape, x *ir.Value) *ir.Value {
	if x.Shape.Equal(op.Shape) {
		return x
	}
	switch x.Op.(type) {
	case ir.Reshape:
		return c.make(op, x.Args[0])
	case ir.Broadcast:
		if shape, ok := unrepeated(x.Args[0].Shape, x.Shape, op.Shape); ok {
			return c.make(ir.Broadcast(op), c.make(ir.Reshape{Shape: shape}, x.Args[0]))
		}
	}
	return nil
}

// unrepeated is the shape of y with reshape(broadcast(x), to) = broadcast(y, to), if there is one: x, of shape
// few, is repeated to shape from. Both shapes fall into groups of dimensions of equal size; within each of them
// x must repeat all or nothing.
func unrepeated(few, from, to ir.Shape) (ir.Shape, bool) {
	if from.Size() == 0 {
		return nil, false
	}
	few = append(slices.Repeat(ir.Shape{1}, len(from)-len(few)), few...)
	y := make(ir.Shape, 0, len(to))
	for i, j := 0, 0; i < len(from) || j < len(to); {
		i0, j0 := i, j
		for m, n := 1, 1; i == i0 && j == j0 || m != n; {
			if i < len(from) && (m <= n || j == len(to)) {
				m *= from[i]
				i++
			} else {
				n *= to[j]
				j++
			}
		}
		switch {
		case few[i0:i].Size() == 1:
			y = append(y, slices.Repeat(ir.Shape{1}, j-j0)...)
		case few[i0:i].Equal(from[i0:i]):
			y = append(y, to[j0:j]...)
		default:
			return nil, false
		}
	}
	return y, true
}

func (c folder) transpose(op ir.Transpose, x *ir.Value) *ir.Value {
	if slices.IsSorted(op.Perm) {
		return x
	}
	if t, ok := x.Op.(ir.Transpose); ok {
		perm := make([]int, len(op.Perm))
		for i, p := range op.Perm {
			perm[i] = t.Perm[p]
		}
		return c.make(ir.Transpose{Perm: perm}, x.Args[0])
	}
	// If only dimensions of size 1 move, the elements stay where they are.
	var long []int
	shape := make(ir.Shape, len(op.Perm))
	for i, p := range op.Perm {
		shape[i] = x.Shape[p]
		if x.Shape[p] != 1 {
			long = append(long, p)
		}
	}
	if slices.IsSorted(long) {
		return c.make(ir.Reshape{Shape: shape}, x)
	}
	return nil
}

// transposedProduct is (A·B)ᵀ = Bᵀ·Aᵀ.
func (c folder) transposedProduct(op ir.Transpose, x *ir.Value) *ir.Value {
	p, ok := x.Op.(ir.Product)
	if !ok || !slices.Equal(op.Perm, []int{1, 0}) && !slices.Equal(op.Perm, []int{0, 2, 1}) {
		return nil
	}
	return c.make(ir.Product{TransA: !p.TransB, TransB: !p.TransA}, x.Args[1], x.Args[0])
}

func (c folder) slice(op ir.Slice, x *ir.Value) *ir.Value {
	if op.From == 0 && op.To == x.Shape[op.Axis] {
		return x
	}
	shape := slices.Clone(x.Shape)
	shape[op.Axis] = op.To - op.From
	switch inner := x.Op.(type) {
	case ir.Slice:
		if inner.Axis == op.Axis {
			return c.make(ir.Slice{Axis: op.Axis, From: op.From + inner.From, To: op.To + inner.From}, x.Args[0])
		}
	case ir.Concat:
		if inner.Axis == op.Axis {
			return c.sliceOfConcat(op, x)
		}
	case ir.Pad:
		y := x.Args[0]
		if inner.Axis != op.Axis {
			return c.make(inner, c.make(op, y))
		}
		from, to := max(op.From-inner.Before, 0), min(op.To-inner.Before, y.Shape[op.Axis])
		if from >= to {
			return constOf(0, ir.Type{Dtype: x.Dtype, Shape: shape})
		}
		part := c.make(ir.Slice{Axis: op.Axis, From: from, To: to}, y)
		before := from + inner.Before - op.From
		return c.make(ir.Pad{Axis: op.Axis, Before: before, After: shape[op.Axis] - before - (to - from)}, part)
	case ir.Reshape:
		// The last dimension stays where it is if the reshape keeps it.
		y := x.Args[0]
		last := len(y.Shape) - 1
		if op.Axis == len(x.Shape)-1 && last >= 0 && y.Shape[last] == x.Shape[op.Axis] {
			return c.make(ir.Reshape{Shape: shape}, c.make(ir.Slice{Axis: last, From: op.From, To: op.To}, y))
		}
	case ir.Broadcast:
		y := x.Args[0]
		axis := op.Axis - (len(x.Shape) - len(y.Shape))
		if axis >= 0 && y.Shape[axis] != 1 {
			y = c.make(ir.Slice{Axis: axis, From: op.From, To: op.To}, y)
		}
		return c.make(ir.Broadcast{Shape: shape}, y)
	}
	return nil
}

// sliceOfConcat joins what the slice takes of each part.
func (c folder) sliceOfConcat(op ir.Slice, x *ir.Value) *ir.Value {
	var parts []*ir.Value
	at := 0
	for _, a := range x.Args {
		n := a.Shape[op.Axis]
		from, to := max(op.From-at, 0), min(op.To-at, n)
		if from < to {
			parts = append(parts, c.make(ir.Slice{Axis: op.Axis, From: from, To: to}, a))
		}
		at += n
	}
	if len(parts) == 0 {
		return nil
	}
	return c.make(ir.Concat{Axis: op.Axis}, parts...)
}

func (c folder) pad(op ir.Pad, x *ir.Value) *ir.Value {
	if op.Before == 0 && op.After == 0 {
		return x
	}
	if p, ok := x.Op.(ir.Pad); ok && p.Axis == op.Axis {
		return c.make(ir.Pad{Axis: op.Axis, Before: op.Before + p.Before, After: op.After + p.After}, x.Args[0])
	}
	return nil
}

func (c folder) concat(op ir.Concat, args []*ir.Value) *ir.Value {
	// Nested concatenations become one, neighbours that belong together are joined.
	var parts []*ir.Value
	add := func(a *ir.Value) {
		if a.Shape[op.Axis] == 0 {
			return
		}
		if n := len(parts); n > 0 {
			if j := c.joined(op.Axis, parts[n-1], a); j != nil {
				parts[n-1] = j
				return
			}
		}
		parts = append(parts, a)
	}
	for _, a := range args {
		if inner, ok := a.Op.(ir.Concat); ok && inner.Axis == op.Axis {
			for _, x := range a.Args {
				add(x)
			}
			continue
		}
		add(a)
	}
	switch n := len(parts); {
	case n == 0:
		return args[0]
	case n == 1:
		return parts[0]
	case n <= 3:
		// Zeros around one part are a Pad.
		first, last := parts[0].IsConst(0), parts[n-1].IsConst(0)
		switch {
		case n == 2 && first:
			return c.make(ir.Pad{Axis: op.Axis, Before: parts[0].Shape[op.Axis]}, parts[1])
		case n == 2 && last:
			return c.make(ir.Pad{Axis: op.Axis, After: parts[1].Shape[op.Axis]}, parts[0])
		case n == 3 && first && last:
			return c.make(ir.Pad{Axis: op.Axis, Before: parts[0].Shape[op.Axis], After: parts[2].Shape[op.Axis]}, parts[1])
		}
	}
	if slices.Equal(parts, args) {
		return nil
	}
	return c.b.New(op, parts...)
}

// joined is the concatenation of x and y as one value without a Concat, or nil.
func (c folder) joined(axis int, x, y *ir.Value) *ir.Value {
	switch op := x.Op.(type) {
	case ir.Const:
		if y.IsConst(op.Value) && y.Dtype == x.Dtype {
			shape := slices.Clone(x.Shape)
			shape[axis] += y.Shape[axis]
			return constOf(op.Value, ir.Type{Dtype: x.Dtype, Shape: shape})
		}
	case ir.Slice:
		next, ok := y.Op.(ir.Slice)
		if ok && op.Axis == axis && next.Axis == axis && x.Args[0] == y.Args[0] && op.To == next.From {
			return c.make(ir.Slice{Axis: axis, From: op.From, To: next.To}, x.Args[0])
		}
	}
	return nil
}

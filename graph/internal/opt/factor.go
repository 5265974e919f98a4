package opt

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// factor multiplies rows once that are repeated, and adds up rows before they are multiplied:
//
//	repeat(x)·W      = repeat(x·W)
//	repeat(x)ᵀ·z     = xᵀ·Σz           Σ over the repetitions
//	Σ(z·W)           = (Σz)·W          Σ over some of the rows
//
// Rows are repeated where a state is compared with every position of another sequence: with S positions, attention over
// [h; enc] costs S times what it needs to. The second and third are what the first becomes in the derivative.
func factor(f *ir.Func) (*ir.Func, error) {
	uses := f.Users()
	return rewrite(f, func(b *ir.Builder, v *ir.Value, args []*ir.Value) *ir.Value {
		c := folder{b}
		switch op := v.Op.(type) {
		case ir.Product:
			if len(v.Shape) == 2 {
				return c.repeatedRows(op, args[0], args[1])
			}
		case ir.Reduce:
			x := v.Args[0]
			if _, ok := x.Op.(ir.Reshape); ok && uses[x] == 1 {
				x = x.Args[0]
			}
			if op.Fn == tape.Sum && uses[x] == 1 {
				return c.sumOfRows(op, args[0])
			}
		}
		return nil
	})
}

// rows is a matrix R×K seen as d1×d2×...×K that repeats along some of its dimensions: where few is 1 and all is not.
type rows struct {
	x        *ir.Value // few×K
	few, all ir.Shape
}

// repeatedRows sees x, R×K, as repeated rows, if it is.
func repeatedRows(x *ir.Value) (rows, bool) {
	b := x
	if _, ok := x.Op.(ir.Reshape); ok {
		b = x.Args[0]
	}
	if _, ok := b.Op.(ir.Broadcast); !ok || !keepsLast(b.Shape, x.Shape) {
		return rows{}, false
	}
	y := b.Args[0]
	if !keepsLast(y.Shape, b.Shape) {
		return rows{}, false
	}
	r := rows{x: y, all: b.Shape[:len(b.Shape)-1]}
	r.few = append(slices.Repeat(ir.Shape{1}, len(b.Shape)-len(y.Shape)), y.Shape[:len(y.Shape)-1]...)
	return r, r.few.Size() < r.all.Size()
}

// flat is the rows that differ, as a matrix.
func (c folder) flat(r rows) *ir.Value {
	return c.make(ir.Reshape{Shape: ir.Shape{r.few.Size(), r.x.Shape[len(r.x.Shape)-1]}}, r.x)
}

// reduced is the sums of the rows of z, R×N, that r repeats.
func (c folder) reduced(r rows, z *ir.Value) *ir.Value {
	n := z.Shape[1]
	var axes []int
	for i := range r.all {
		if r.few[i] != r.all[i] {
			axes = append(axes, i)
		}
	}
	z = c.make(ir.Reshape{Shape: append(slices.Clone(r.all), n)}, z)
	z = c.make(ir.Reduce{Fn: tape.Sum, Axes: axes}, z)
	return c.make(ir.Reshape{Shape: ir.Shape{r.few.Size(), n}}, z)
}

func (c folder) repeatedRows(op ir.Product, x, y *ir.Value) *ir.Value {
	if r, ok := repeatedRows(x); ok {
		switch {
		case !op.TransA:
			z := c.make(op, c.flat(r), y)
			n := z.Shape[1]
			z = c.make(ir.Reshape{Shape: append(slices.Clone(r.few), n)}, z)
			z = c.make(ir.Broadcast{Shape: append(slices.Clone(r.all), n)}, z)
			return c.make(ir.Reshape{Shape: ir.Shape{r.all.Size(), n}}, z)
		case !op.TransB:
			return c.make(op, c.flat(r), c.reduced(r, y))
		}
	}
	if r, ok := repeatedRows(y); ok && op.TransA && !op.TransB {
		return c.make(op, c.reduced(r, x), c.flat(r))
	}
	return nil
}

// sumOfRows is the sum over rows of a product as the product with the sum of the rows.
func (c folder) sumOfRows(op ir.Reduce, x *ir.Value) *ir.Value {
	z := x
	if _, ok := x.Op.(ir.Reshape); ok {
		z = x.Args[0]
	}
	p, ok := z.Op.(ir.Product)
	last := len(x.Shape) - 1
	if !ok || p.TransA || len(z.Shape) != 2 || !keepsLast(z.Shape, x.Shape) || slices.Contains(op.Axes, last) {
		return nil
	}
	a := z.Args[0]
	k := a.Shape[1]
	a = c.make(ir.Reshape{Shape: append(slices.Clone(x.Shape[:last]), k)}, a)
	a = c.make(op, a)
	left := without(x.Shape[:last], op.Axes)
	a = c.make(ir.Reshape{Shape: ir.Shape{left.Size(), k}}, a)
	return c.make(ir.Reshape{Shape: append(slices.Clone(left), z.Shape[1])}, c.make(p, a, z.Args[1]))
}

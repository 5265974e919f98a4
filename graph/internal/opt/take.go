package opt

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// take cuts products, in loops, that are needed for the carries only in part, or not at all:
//
//	slice(z·Wᵀ) = z·slice(W)ᵀ              if the carries need some slices and not others
//	[x h]ᵀ·z = [xᵀ·z ; hᵀ·z]               if only sums over the steps, or stacks, need it
//
// This is the derivative of what split does. Of dz·Wᵀ, the columns of x then leave the loop and those of the
// state stay; of the gradient of W, either part becomes one product over all steps.
func take(f *ir.Func) (*ir.Func, error) {
	return rewriteBodies(f, func(p *parts) (*ir.Func, error) {
		support := newSupport(p)
		needed := p.needed(p.sums())
		taken := p.takenProducts(needed)
		return rewrite(p.op.Body, func(b *ir.Builder, v *ir.Value, args []*ir.Value) *ir.Value {
			c := folder{b}
			switch op := v.Op.(type) {
			case ir.Slice:
				if taken[v.Args[0]] {
					return c.sliceOfProduct(op, args[0])
				}
			case ir.Product:
				if !needed[v] {
					return c.splitKept(op, v, args, support, needed)
				}
			}
			return nil
		})
	})
}

// takenProducts finds the products that are read by slices alone, of which the carries need some and not others.
func (p *parts) takenProducts(needed map[*ir.Value]bool) map[*ir.Value]bool {
	type readers struct{ needed, not, other bool }
	of := map[*ir.Value]*readers{}
	note := func(v, by *ir.Value) {
		if _, ok := v.Op.(ir.Product); !ok {
			return
		}
		if of[v] == nil {
			of[v] = &readers{}
		}
		r := of[v]
		switch {
		case by == nil || !slicesMatrix(by, v):
			r.other = true
		case needed[by]:
			r.needed = true
		default:
			r.not = true
		}
	}
	for _, v := range p.op.Body.Values() {
		for _, a := range v.Args {
			note(a, v)
		}
	}
	for _, r := range p.op.Body.Results {
		note(r, nil)
	}
	taken := map[*ir.Value]bool{}
	for v, r := range of {
		if r.needed && r.not && !r.other {
			taken[v] = true
		}
	}
	return taken
}

// slicesMatrix reports whether v takes rows or columns of the product x.
func slicesMatrix(v, x *ir.Value) bool {
	s, ok := v.Op.(ir.Slice)
	return ok && s.Axis >= len(x.Shape)-2
}

// sliceOfProduct is the product of the rows, or columns, that the slice takes.
func (c folder) sliceOfProduct(op ir.Slice, x *ir.Value) *ir.Value {
	p, ok := x.Op.(ir.Product)
	if !ok {
		return nil
	}
	r := len(x.Shape)
	a, b := x.Args[0], x.Args[1]
	if rows := op.Axis == r-2; rows {
		axis := r - 2
		if p.TransA {
			axis = r - 1
		}
		a = c.make(ir.Slice{Axis: axis, From: op.From, To: op.To}, a)
	} else {
		axis := r - 1
		if p.TransB {
			axis = r - 2
		}
		b = c.make(ir.Slice{Axis: axis, From: op.From, To: op.To}, b)
	}
	return c.make(p, a, b)
}

// splitKept is the concatenation of products that a product with a concatenation over another dimension is, or
// nil. What the loop needs whole anyway stays whole.
func (c folder) splitKept(
	op ir.Product, v *ir.Value, args []*ir.Value, s support, needed map[*ir.Value]bool,
) *ir.Value {
	r := len(v.Shape)
	_, axes := sides(op, r)
	for side := range args {
		if needed[v.Args[side]] {
			continue
		}
		parts, groups := c.split(v.Args[side], args[side], axes[side], s)
		if len(groups) < 2 {
			continue
		}
		group := make([]int, len(parts))
		for k, g := range groups {
			for _, i := range g {
				group[i] = k
			}
		}
		var zs []*ir.Value
		for from := 0; from < len(parts); {
			to := from + 1
			for to < len(parts) && group[to] == group[from] {
				to++
			}
			ab := [2]*ir.Value{args[0], args[1]}
			ab[side] = c.make(ir.Concat{Axis: axes[side]}, parts[from:to]...)
			zs = append(zs, c.make(op, ab[0], ab[1]))
			from = to
		}
		return c.make(ir.Concat{Axis: r - 2 + side}, zs...)
	}
	return nil
}

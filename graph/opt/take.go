package opt

import (
	"github.com/unroll-ml/unroll/graph/ir"
)

// take multiplies, in loops, only what is taken of a product where some of that is needed for the carries and some is not:
//
//	slice(z·Wᵀ) = z·slice(W)ᵀ
//
// This is the derivative of what split does: of dz·Wᵀ, the columns of x then leave the loop and those of the state stay.
func take(f *ir.Func) (*ir.Func, error) {
	return rewriteBodies(f, func(p *parts) (*ir.Func, error) {
		taken := p.takenProducts()
		return rewrite(p.op.Body, func(b *ir.Builder, v *ir.Value, args []*ir.Value) *ir.Value {
			if op, ok := v.Op.(ir.Slice); ok && taken[v.Args[0]] {
				return folder{b}.sliceOfProduct(op, args[0])
			}
			return nil
		})
	})
}

// takenProducts finds the products that are read by slices alone, of which the carries need some and not others.
func (p *parts) takenProducts() map[*ir.Value]bool {
	needed := p.needed(p.sums())
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

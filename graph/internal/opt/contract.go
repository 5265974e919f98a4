package opt

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// contract finds products that are written as sums of elementwise products:
//
//	Σ_k x_ik * y_k     =  x·y           y is broadcast over i
//	Σ_b x_bi * y_b     =  xᵀ·y
//	Σ_k x_bik * y_bk   =  x_b·y_b       for each b
//
// so that what is summed need not be stored, and so that the other passes see a product. One factor at least
// must be broadcast over a dimension that stays; a sum of squares is not a product.
func contract(f *ir.Func) (*ir.Func, error) {
	uses := f.Users()
	return rewrite(f, func(b *ir.Builder, v *ir.Value, args []*ir.Value) *ir.Value {
		op, ok := v.Op.(ir.Reduce)
		if !ok || op.Fn != tape.Sum || uses[v.Args[0]] != 1 {
			return nil
		}
		m := args[0]
		if e, ok := m.Op.(ir.Elem); !ok || e.Fn != tape.Mul || m.Args[0].Dtype != m.Dtype || m.Args[1].Dtype != m.Dtype {
			return nil
		}
		c := folder{b}
		if z := c.contraction(op, v.Shape, m.Args[0], m.Args[1]); z != nil {
			return z
		}
		return c.contraction(op, v.Shape, m.Args[1], m.Args[0])
	})
}

// What becomes of a dimension of x*y: it stays and both have it, x alone has it, y alone has it, or it is summed over.
type fate int

const (
	shared fate = iota
	ofX
	ofY
	summed
	nobody // size 1
)

// contraction is the sum of x*y as a product with x on the left, or nil.
func (c folder) contraction(op ir.Reduce, to ir.Shape, x, y *ir.Value) *ir.Value {
	whole := x.Shape
	x, y = unbroadcast(x), unbroadcast(y)
	has := func(v *ir.Value, i int) bool {
		d := i - (len(whole) - len(v.Shape))
		return d >= 0 && v.Shape[d] == whole[i]
	}
	fates := make([]fate, len(whole))
	size := map[fate]int{shared: 1, ofX: 1, ofY: 1, summed: 1, nobody: 1}
	for i, d := range whole {
		inX, inY, gone := has(x, i), has(y, i), slices.Contains(op.Axes, i)
		switch {
		case d == 1:
			fates[i] = nobody
		case gone && inX && inY:
			fates[i] = summed
		case gone || !inX && !inY:
			return nil
		case inX && inY:
			fates[i] = shared
		case inX:
			fates[i] = ofX
		default:
			fates[i] = ofY
		}
		size[fates[i]] *= d
	}
	if size[summed] == 1 || size[ofX]*size[ofY] == 1 || !ordered(fates, shared, ofX, ofY) {
		return nil
	}
	// Reshaped alone, each factor must be a stack of matrices.
	matrix := func(own fate) (shape ir.Shape, trans, ok bool) {
		n, k := size[own], size[summed]
		switch {
		case ordered(fates, shared, own, summed):
			shape = ir.Shape{n, k}
		case ordered(fates, shared, summed, own):
			shape, trans = ir.Shape{k, n}, true
		default:
			return nil, false, false
		}
		if size[shared] > 1 {
			shape = shape.With(size[shared])
		}
		return shape, trans, true
	}
	a, transA, okA := matrix(ofX)
	b, transB, okB := matrix(ofY)
	if !okA || !okB {
		return nil
	}
	z := c.make(ir.Product{TransA: transA, TransB: !transB}, c.make(ir.Reshape{Shape: a}, x),
		c.make(ir.Reshape{Shape: b}, y))
	return c.make(ir.Reshape{Shape: to}, z)
}

// unbroadcast is what v repeats, or v.
func unbroadcast(v *ir.Value) *ir.Value {
	if _, ok := v.Op.(ir.Broadcast); ok {
		return v.Args[0]
	}
	return v
}

// ordered reports whether the fates that are among those of order come in this order.
func ordered(fates []fate, order ...fate) bool {
	at := 0
	for _, f := range fates {
		i := slices.Index(order, f)
		if i < 0 {
			continue
		}
		if i < at {
			return false
		}
		at = i
	}
	return true
}

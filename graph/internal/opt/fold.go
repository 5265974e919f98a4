package opt

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// fold computes what is known and undoes what cancels, one rule for each kind of value:
//
//	f(c1, c2) = c                                x+0 = x, x*1 = x, -(-x) = x, x+(-y) = x-y ...
//	views of a constant are constants            a view of a view is one view, or none
//	slice(concat(..., x, ...)) = x               pad(x) + pad(y) = concat(x, y) where they do not overlap
//	op(transpose(a))·b = op'(a)·b                the sum of what is repeated n times is n times as much
//
// Every rule holds for NaN and infinities too; those that do not are in zero. Sums keep their order.
func fold(f *ir.Func) (*ir.Func, error) {
	uses := f.Users()
	return rewrite(f, func(b *ir.Builder, v *ir.Value, args []*ir.Value) *ir.Value {
		if v.Parts != nil || len(args) == 0 {
			return nil
		}
		c := folder{b}
		if t, ok := v.Op.(ir.Transpose); ok && uses[v.Args[0]] == 1 {
			if w := c.transposedProduct(t, args[0]); w != nil {
				return w
			}
		}
		return c.rule(v.Op, args)
	})
}

// folder makes values as a Builder does, but simplified.
type folder struct{ b *ir.Builder }

// make is op of args.
func (c folder) make(op ir.Op, args ...*ir.Value) *ir.Value {
	if c.b.Err() != nil {
		return c.b.Fail(c.b.Err())
	}
	if w := c.rule(op, args); w != nil {
		return w
	}
	return c.b.New(op, args...)
}

// rule is a simpler value than op of args, or nil.
func (c folder) rule(op ir.Op, args []*ir.Value) *ir.Value {
	if w := c.constant(op, args); w != nil {
		return w
	}
	switch op := op.(type) {
	case ir.Elem:
		return c.elem(op, args)
	case ir.Broadcast:
		return c.broadcast(op, args[0])
	case ir.Reshape:
		return c.reshape(op, args[0])
	case ir.Transpose:
		return c.transpose(op, args[0])
	case ir.Slice:
		return c.slice(op, args[0])
	case ir.Pad:
		return c.pad(op, args[0])
	case ir.Concat:
		return c.concat(op, args)
	case ir.Reduce:
		return c.reduce(op, args[0])
	case ir.Product:
		return c.product(op, args[0], args[1])
	case ir.Proj:
		if _, ok := args[0].Op.(ir.Tuple); ok {
			return args[0].Args[op.Index]
		}
	}
	return nil
}

// constant is op of args if it is a Const because they are.
func (c folder) constant(op ir.Op, args []*ir.Value) *ir.Value {
	ns := make([]number, len(args))
	for i, a := range args {
		k, ok := a.Op.(ir.Const)
		if !ok {
			return nil
		}
		ns[i] = known(k.Value)
	}
	t, err := op.Infer(args)
	if err != nil {
		return c.b.Fail(err)
	}
	if n := uniform(op, t, c.b.Float, ns, false); n.known {
		return constOf(n.value, t)
	}
	return nil
}

func constValue(v *ir.Value) (float64, bool) {
	k, ok := v.Op.(ir.Const)
	return k.Value, ok
}

package opt

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

func (c folder) elem(op ir.Elem, args []*ir.Value) *ir.Value {
	if w := c.elemOfBroadcasts(op, args); w != nil {
		return w
	}
	to := op.To
	switch op.Fn {
	case tape.Add, tape.Mul:
		// Constants stand second.
		x, y := args[0], args[1]
		if isConst(x) && !isConst(y) {
			return c.make(op, y, x)
		}
		if op.Fn == tape.Add {
			return c.add(to, x, y)
		}
		return c.mul(to, x, y)
	case tape.Sub:
		x, y := args[0], args[1]
		if y.IsConst(0) {
			return c.as(to, x)
		}
		if x.IsConst(0) {
			return c.make(ir.Elem{Fn: tape.Neg, To: to}, y)
		}
		if n := c.negated(y, to); n != nil {
			return c.make(ir.Elem{Fn: tape.Add, To: to}, x, n)
		}
	case tape.Div:
		if args[1].IsConst(1) {
			return c.as(to, args[0])
		}
	case tape.Pow:
		switch {
		case args[1].IsConst(0):
			return constOf(1, ir.Type{Dtype: to, Shape: args[0].Shape})
		case args[1].IsConst(1):
			return c.as(to, args[0])
		case args[1].IsConst(2):
			return c.make(ir.Elem{Fn: tape.Mul, To: to}, args[0], args[0])
		}
	case tape.Neg:
		if x := c.negated(args[0], to); x != nil {
			return x
		}
		if s, ok := args[0].Op.(ir.Elem); ok && s.Fn == tape.Sub && s.To == to {
			return c.make(s, args[0].Args[1], args[0].Args[0])
		}
	case tape.Id:
		if args[0].Dtype == to {
			return args[0]
		}
	case tape.Where:
		if k, ok := constValue(args[0]); ok {
			if k != 0 {
				return c.as(to, args[1])
			}
			return c.as(to, args[2])
		}
		if args[1] == args[2] {
			return c.as(to, args[1])
		}
	}
	return nil
}

func (c folder) add(to ir.Dtype, x, y *ir.Value) *ir.Value {
	if y.IsConst(0) {
		return c.as(to, x)
	}
	sub := ir.Elem{Fn: tape.Sub, To: to}
	if n := c.negated(y, to); n != nil {
		return c.make(sub, x, n)
	}
	if n := c.negated(x, to); n != nil {
		return c.make(sub, y, n)
	}
	if x.Dtype == to && y.Dtype == to {
		return c.addPadded(x, y)
	}
	return nil
}

func (c folder) mul(to ir.Dtype, x, y *ir.Value) *ir.Value {
	if y.IsConst(1) {
		return c.as(to, x)
	}
	if y.IsConst(-1) {
		return c.make(ir.Elem{Fn: tape.Neg, To: to}, x)
	}
	nx, ny := c.negated(x, to), c.negated(y, to)
	if nx != nil && ny != nil {
		return c.make(ir.Elem{Fn: tape.Mul, To: to}, nx, ny)
	}
	return nil
}

// negated is x if v is -x, in the same type.
func (c folder) negated(v *ir.Value, t ir.Dtype) *ir.Value {
	if e, ok := v.Op.(ir.Elem); ok && e.Fn == tape.Neg && v.Dtype == t && v.Args[0].Dtype == t {
		return v.Args[0]
	}
	return nil
}

// as is x in the element type to.
func (c folder) as(to ir.Dtype, x *ir.Value) *ir.Value {
	if x.Dtype == to {
		return x
	}
	return c.make(ir.Elem{Fn: tape.Id, To: to}, x)
}

// elemOfBroadcasts is the broadcast of the function of what is broadcast:
//
//	f(broadcast(x), broadcast(y), c) = broadcast(f(x, y, c))    x, y of one shape
func (c folder) elemOfBroadcasts(op ir.Elem, args []*ir.Value) *ir.Value {
	var small ir.Shape
	found := false
	for _, a := range args {
		if isConst(a) {
			continue
		}
		if _, ok := a.Op.(ir.Broadcast); !ok {
			return nil
		}
		s := a.Args[0].Shape
		if found && !s.Equal(small) {
			return nil
		}
		small, found = s, true
	}
	if !found {
		return nil
	}
	inner := make([]*ir.Value, len(args))
	for i, a := range args {
		if k, ok := constValue(a); ok {
			inner[i] = constOf(k, ir.Type{Dtype: a.Dtype, Shape: small})
		} else {
			inner[i] = a.Args[0]
		}
	}
	return c.make(ir.Broadcast{Shape: args[0].Shape}, c.make(op, inner...))
}

func isConst(v *ir.Value) bool {
	_, ok := v.Op.(ir.Const)
	return ok
}

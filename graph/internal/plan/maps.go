package plan

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// emitMap writes the Map that computes body over shape. Constants and indices among the arguments become part
// of its program.
func (s *scope) emitMap(shape ir.Shape, body *ir.Func, args []*ir.Value, outs []view) {
	m := &tape.Map{}
	regs := map[*ir.Value]int{} // of body's values
	var ins []view
	values := body.Values()
	for _, v := range values {
		p, ok := v.Op.(ir.Param)
		if !ok || inline(args[p.Index]) != nil {
			continue
		}
		at := s.view(args[p.Index])
		i := slices.IndexFunc(ins, func(in view) bool { return at.same(in, shape) })
		if i < 0 {
			i = len(ins)
			ins = append(ins, at)
		}
		regs[v] = i
	}
	op := func(o tape.Op) int {
		m.Code = append(m.Code, o)
		return len(ins) + len(m.Code) - 1
	}
	call := func(fn tape.Fn, xs ...int) int {
		o := tape.Op{Fn: fn}
		copy(o.Args[:], xs)
		return op(o)
	}
	plain := true // no Iota: dimensions may be collapsed
	leaf := func(v *ir.Value) int {
		switch c := v.Op.(type) {
		case ir.Const:
			return op(tape.Op{Fn: tape.Const, Value: c.Value})
		case ir.Iota:
			plain = false
			return op(tape.Op{Fn: tape.Iota, Axis: c.Axis})
		}
		panic("plan: not a leaf: " + v.Op.String())
	}
	for _, v := range values {
		if _, done := regs[v]; done {
			continue
		}
		switch o := v.Op.(type) {
		case ir.Param:
			regs[v] = leaf(inline(args[o.Index]))
		case ir.Elem:
			xs := make([]int, len(v.Args))
			ints := true
			for i, a := range v.Args {
				xs[i] = regs[a]
				ints = ints && a.Dtype == tape.Int32
			}
			if o.Fn == tape.Where {
				ints = v.Args[1].Dtype == tape.Int32 && v.Args[2].Dtype == tape.Int32
			}
			r := call(o.Fn, xs...)
			if whole := ints && (o.Fn == tape.Id || o.Fn == tape.Where); o.To == tape.Int32 && !whole {
				// Registers are floats: an integer in the middle of a program is truncated by hand.
				r = call(tape.Where, call(tape.Lt, r, op(tape.Op{Fn: tape.Const})), call(tape.Ceil, r), call(tape.Floor, r))
			}
			regs[v] = r
		default:
			regs[v] = leaf(v)
		}
	}
	strides := make([][]int, 0, len(ins)+len(outs))
	for _, v := range ins {
		strides = append(strides, v.strides)
	}
	for _, v := range outs {
		strides = append(strides, v.strides)
	}
	m.Shape = shape
	if plain {
		m.Shape, strides = collapse(shape, strides...)
	}
	for i, v := range ins {
		v.strides = strides[i]
		m.In = append(m.In, v.operand())
	}
	for i, v := range outs {
		v.strides = strides[len(ins)+i]
		m.Out = append(m.Out, v.operand())
		m.Result = append(m.Result, regs[body.Results[i]])
	}
	s.code = append(s.code, m)
}

// inline is the Const or Iota that v is a view of, as a value of v's shape; nil if v needs memory.
func inline(v *ir.Value) *ir.Value {
	if isView(v) {
		x := inline(v.Args[0])
		if x == nil {
			return nil
		}
		switch c := x.Op.(type) {
		case ir.Const:
			c.Of = v.Type
			return &ir.Value{Op: c, Type: v.Type}
		case ir.Iota:
			lead := len(v.Shape) - len(x.Shape)
			if _, ok := v.Op.(ir.Broadcast); ok && v.Shape[lead+c.Axis] == x.Shape[c.Axis] {
				return &ir.Value{Op: ir.Iota{Axis: lead + c.Axis, Of: v.Type}, Type: v.Type}
			}
		}
		return nil
	}
	switch v.Op.(type) {
	case ir.Const, ir.Iota:
		return v
	}
	return nil
}

// collapse joins neighbouring dimensions that are one run in all views, and drops dimensions of 1: fewer and
// longer loops.
func collapse(shape ir.Shape, strides ...[]int) (ir.Shape, [][]int) {
	dims := ir.Shape{}
	out := make([][]int, len(strides))
	for k := range out {
		out[k] = []int{}
	}
	for i, d := range shape {
		if d == 1 {
			continue
		}
		last := len(dims) - 1
		run := last >= 0
		for k, s := range strides {
			run = run && out[k][last] == s[i]*d
		}
		if run {
			dims[last] *= d
		} else {
			dims = append(dims, d)
		}
		for k, s := range strides {
			if run {
				out[k][last] = s[i]
			} else {
				out[k] = append(out[k], s[i])
			}
		}
	}
	return dims, out
}

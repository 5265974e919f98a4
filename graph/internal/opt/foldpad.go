package opt

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// addPadded adds values that are zero where the other is not:
//
//	pad(x) + pad(y) = concat(x, y)              x and y do not overlap; zeros fill what neither covers
//	(z + pad(x)) + pad(y) = z + concat(x, y)    z is anything
//
// The derivative of n slices of a value is a sum of n pads; this makes it the one concatenation that it is.
func (c folder) addPadded(x, y *ir.Value) *ir.Value {
	zx, px := padded(x)
	zy, py := padded(y)
	if px == nil || py == nil {
		return nil
	}
	sum := c.overlay(px, py)
	if sum == nil {
		return nil
	}
	add := ir.Elem{Fn: tape.Add, To: sum.Dtype}
	for _, z := range []*ir.Value{zy, zx} {
		if z != nil {
			sum = c.make(add, z, sum)
		}
	}
	return sum
}

// padded splits v into a sum z + p where p has zeros that are known; z or p or both may be nil.
func padded(v *ir.Value) (z, p *ir.Value) {
	if len(segments(v)) > 0 {
		return nil, v
	}
	if e, ok := v.Op.(ir.Elem); ok && e.Fn == tape.Add && v.Dtype == v.Args[0].Dtype && v.Dtype == v.Args[1].Dtype {
		for i, a := range v.Args {
			if len(segments(a)) > 0 {
				return v.Args[1-i], a
			}
		}
	}
	return nil, nil
}

// segment is a stretch from:to along an axis; x is nil where all is zero.
type segment struct {
	from, to int
	x        *ir.Value
}

// segments are the stretches of a Pad, or of a Concat with zeros among its parts; there are none of other values.
func segments(v *ir.Value) []segment {
	switch op := v.Op.(type) {
	case ir.Pad:
		x := v.Args[0]
		end := op.Before + x.Shape[op.Axis]
		return []segment{{0, op.Before, nil}, {op.Before, end, x}, {end, end + op.After, nil}}
	case ir.Concat:
		var ss []segment
		at, zeros := 0, false
		for _, a := range v.Args {
			s := segment{at, at + a.Shape[op.Axis], a}
			at = s.to
			if a.IsConst(0) {
				s.x, zeros = nil, true
			}
			ss = append(ss, s)
		}
		if zeros {
			return ss
		}
	}
	return nil
}

func segmentAxis(v *ir.Value) int {
	switch op := v.Op.(type) {
	case ir.Pad:
		return op.Axis
	case ir.Concat:
		return op.Axis
	}
	return -1
}

// overlay is the sum of two values with segments along the same axis if no element of it needs an addition, or nil.
func (c folder) overlay(x, y *ir.Value) *ir.Value {
	axis := segmentAxis(x)
	if axis != segmentAxis(y) {
		return nil
	}
	filled := func(ss []segment) (out []segment) {
		for _, s := range ss {
			if s.x != nil && s.from < s.to {
				out = append(out, s)
			}
		}
		return out
	}
	a, b := filled(segments(x)), filled(segments(y))
	var parts []*ir.Value
	at := 0
	zeros := func(to int) {
		if to > at {
			shape := append(ir.Shape{}, x.Shape...)
			shape[axis] = to - at
			parts = append(parts, constOf(0, ir.Type{Dtype: x.Dtype, Shape: shape}))
			at = to
		}
	}
	for len(a)+len(b) > 0 {
		if len(a) == 0 || len(b) > 0 && b[0].from < a[0].from {
			a, b = b, a
		}
		if a[0].from < at {
			return nil
		}
		zeros(a[0].from)
		parts = append(parts, a[0].x)
		at = a[0].to
		a = a[1:]
	}
	zeros(x.Shape[axis])
	if len(parts) == 0 {
		return constOf(0, x.Type)
	}
	return c.make(ir.Concat{Axis: axis}, parts...)
}

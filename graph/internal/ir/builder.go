package ir

import (
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

// Builder makes values and keeps the first error, as bufio.Writer does: a run of calls needs one check of Err.
// After an error every method returns a value without meaning, never nil.
//
// Elementwise methods broadcast their arguments as NumPy does. A few identities that only tidy the dump are
// applied at once: a Proj of a Tuple, a Reshape, Broadcast, Transpose or Slice that changes nothing.
type Builder struct {
	Float Dtype // Float32 or Float64, of all floating-point values
	err   error
}

// Err is the first error.
func (b *Builder) Err() error { return b.err }

// Fail keeps err if it is the first.
func (b *Builder) Fail(err error) *Value {
	if b.err == nil {
		b.err = err
	}
	return &Value{Op: Const{Of: Type{Dtype: b.Float}}, Type: Type{Dtype: b.Float}}
}

// New is New, with its error kept.
func (b *Builder) New(op Op, args ...*Value) *Value {
	if b.err != nil {
		return b.Fail(b.err)
	}
	v, err := New(op, args...)
	if err != nil {
		return b.Fail(err)
	}
	return v
}

// Const is a tensor of the builder's float type with every element c.
func (b *Builder) Const(c float64, shape ...int) *Value {
	t := Type{b.Float, shape}
	return b.New(Const{c, t})
}

// Like is a tensor of x's type with every element c.
func (b *Builder) Like(c float64, x *Value) *Value { return b.New(Const{c, x.Type}) }

// Tuple packs values; Proj unpacks them.
func (b *Builder) Tuple(vs ...*Value) *Value { return b.New(Tuple{}, vs...) }

// Proj takes result i out of a tuple.
func (b *Builder) Proj(t *Value, i int) *Value {
	if _, ok := t.Op.(Tuple); ok && i < len(t.Args) {
		return t.Args[i]
	}
	return b.New(Proj{i}, t)
}

// Elem applies fn to tensors broadcast to one shape. The result is of the float type, but Id and Where of
// integers are integers.
func (b *Builder) Elem(fn tape.Fn, args ...*Value) *Value {
	if b.err != nil {
		return b.Fail(b.err)
	}
	shapes := make([]Shape, len(args))
	for i, a := range args {
		shapes[i] = a.Shape
	}
	shape, ok := BroadcastShape(shapes...)
	if !ok {
		return b.Fail(errors.Errorf("%v: shapes %v cannot be broadcast to one", fn, shapes))
	}
	bs := make([]*Value, len(args))
	for i, a := range args {
		bs[i] = b.Broadcast(a, shape...)
	}
	to := b.Float
	isInt := func(v *Value) bool { return v.Dtype == tape.Int32 }
	if (fn == tape.Id && isInt(args[0])) || (fn == tape.Where && isInt(args[1]) && isInt(args[2])) {
		to = tape.Int32
	}
	return b.New(Elem{fn, to}, bs...)
}

// Cast converts x to another element type, to integers by truncation.
func (b *Builder) Cast(x *Value, to Dtype) *Value {
	if x.Dtype == to {
		return x
	}
	return b.New(Elem{tape.Id, to}, x)
}

func (b *Builder) Add(x, y *Value) *Value { return b.Elem(tape.Add, x, y) }
func (b *Builder) Sub(x, y *Value) *Value { return b.Elem(tape.Sub, x, y) }
func (b *Builder) Mul(x, y *Value) *Value { return b.Elem(tape.Mul, x, y) }
func (b *Builder) Div(x, y *Value) *Value { return b.Elem(tape.Div, x, y) }

// Product is op(x)·op(y); see the operation.
func (b *Builder) Product(x, y *Value, transX, transY bool) *Value {
	return b.New(Product{TransA: transX, TransB: transY}, x, y)
}

// Reduce reduces over axes, in any order.
func (b *Builder) Reduce(fn tape.ReduceFn, x *Value, axes ...int) *Value {
	if len(axes) == 0 {
		return x
	}
	axes = slices.Clone(axes)
	slices.Sort(axes)
	return b.New(Reduce{fn, axes}, x)
}

// Broadcast repeats x to a shape.
func (b *Builder) Broadcast(x *Value, shape ...int) *Value {
	if x.Shape.Equal(shape) {
		return x
	}
	return b.New(Broadcast{shape}, x)
}

// Reshape gives x another shape of the same size.
func (b *Builder) Reshape(x *Value, shape ...int) *Value {
	if x.Shape.Equal(shape) {
		return x
	}
	return b.New(Reshape{shape}, x)
}

// Transpose permutes the dimensions of x.
func (b *Builder) Transpose(x *Value, perm ...int) *Value {
	if slices.IsSorted(perm) && len(perm) == len(x.Shape) {
		return x
	}
	return b.New(Transpose{perm}, x)
}

// Slice takes from:to along an axis.
func (b *Builder) Slice(x *Value, axis, from, to int) *Value {
	if axis < len(x.Shape) && from == 0 && to == x.Shape[axis] {
		return x
	}
	return b.New(Slice{axis, from, to}, x)
}

// Concat joins values along an axis.
func (b *Builder) Concat(axis int, xs ...*Value) *Value {
	if len(xs) == 1 {
		return xs[0]
	}
	return b.New(Concat{axis}, xs...)
}

// BroadcastShape is the one shape that NumPy broadcasts shapes to: dimensions are aligned at the right, and
// those that are missing or 1 are repeated. ok is false if there is none.
func BroadcastShape(shapes ...Shape) (s Shape, ok bool) {
	for _, shape := range shapes {
		if len(shape) > len(s) {
			s = append(slices.Repeat(Shape{1}, len(shape)-len(s)), s...)
		}
		lead := len(s) - len(shape)
		for i, d := range shape {
			switch {
			case s[lead+i] == 1:
				s[lead+i] = d
			case d != 1 && d != s[lead+i]:
				return nil, false
			}
		}
	}
	return s, true
}

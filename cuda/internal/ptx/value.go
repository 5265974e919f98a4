package ptx

import (
	"fmt"
	"math"
	"runtime"
	"strings"
)

// Type is the type of a value: of a register, of a constant, of an element in memory.
type Type uint8

const (
	untyped Type = iota // a constant that takes the type of what it meets
	Pred                // a condition
	U32
	S32
	U64 // also an address in global memory
	S64
	F32
	F64
)

func (t Type) String() string {
	return [...]string{"untyped", "pred", "u32", "s32", "u64", "s64", "f32", "f64"}[t]
}

// Size is the number of bytes of an element in memory.
func (t Type) Size() int {
	switch t {
	case U32, S32, F32:
		return 4
	case U64, S64, F64:
		return 8
	}
	return 0
}

// IsFloat reports whether t is F32 or F64.
func (t Type) IsFloat() bool { return t >= F32 }

// IsInt reports whether t is one of the four integer types.
func (t Type) IsInt() bool { return t >= U32 && t <= S64 }

func (t Type) signed() bool { return t == S32 || t == S64 }

// raw is the type as which PTX handles bits that it does not interpret.
func (t Type) raw() string {
	if t == Pred {
		return "pred"
	}
	return fmt.Sprintf("b%d", 8*t.Size())
}

// class says which declaration holds the registers of a type.
func (t Type) class() int { return [...]int{0, 0, 1, 1, 2, 2, 3, 4}[t] }

const numClasses = 5

var classes = [numClasses]struct{ prefix, decl string }{
	{"p", "pred"}, {"r", "b32"}, {"rd", "b64"}, {"f", "f32"}, {"fd", "f64"},
}

// Value is an operand: a register, or a constant. A register made by Var can be assigned to again; all others
// keep their value, and each value lives in the Go block (If, For, ...) that made it.
type Value struct {
	typ      Type
	owner    *Builder // of a register
	reg      int
	variable bool
	constant bool
	integer  bool // of a constant: i is its value too
	i        int64
	f        float64
}

// Int is an integer constant that takes the type of the operands beside it; beside a float it is one.
func Int(v int) Value { return Value{constant: true, integer: true, i: int64(v), f: float64(v)} }

// Num is a floating-point constant that takes the type of the operands beside it.
func Num(v float64) Value { return Value{constant: true, f: v} }

// Int is a constant of type t.
func (t Type) Int(v int) Value { c := Int(v); c.typ = t; return c }

// Num is a constant of type t, rounded to nearest.
func (t Type) Num(v float64) Value { c := Num(v); c.typ = t; return c }

// Bits is a constant of type t with the given bits.
func (t Type) Bits(bits uint64) Value {
	switch t {
	case F32:
		return t.Num(float64(math.Float32frombits(uint32(bits))))
	case F64:
		return t.Num(math.Float64frombits(bits))
	case S32:
		return t.Int(int(int32(uint32(bits))))
	case U32:
		return t.Int(int(uint32(bits)))
	}
	return t.Int(int(bits)) // for U64 the constant is printed without sign
}

// Type is the type of the value.
func (v Value) Type() Type { return v.typ }

func (v Value) String() string {
	switch {
	case v.owner != nil:
		return fmt.Sprintf("%%%s%d", classes[v.typ.class()].prefix, v.reg)
	case v.typ == F32:
		return fmt.Sprintf("0f%08X", math.Float32bits(float32(v.f)))
	case v.typ == F64:
		return fmt.Sprintf("0d%016X", math.Float64bits(v.f))
	case v.typ == U64:
		return fmt.Sprint(uint64(v.i))
	case v.integer:
		return fmt.Sprint(v.i)
	}
	return fmt.Sprint(v.f)
}

// fits reports whether the constant v can have type t without changing its value (a float may be rounded).
func (v Value) fits(t Type) bool {
	switch t {
	case F32, F64:
		return true
	case U32:
		return v.integer && v.i >= 0 && v.i <= math.MaxUint32
	case S32:
		return v.integer && v.i >= math.MinInt32 && v.i <= math.MaxInt32
	case S64:
		return v.integer
	case U64:
		return v.integer && (v.typ == U64 || v.i >= 0)
	}
	return false
}

// new returns a fresh register.
func (b *Builder) new(t Type) Value {
	c := t.class()
	b.regs[c]++
	return Value{typ: t, owner: b, reg: b.regs[c]}
}

// kind is a set of types.
type kind func(Type) bool

func anyType(t Type) bool  { return t != untyped }
func notPred(t Type) bool  { return t > Pred }
func isPred(t Type) bool   { return t == Pred }
func isInt32(t Type) bool  { return t == U32 || t == S32 }
func isSigned(t Type) bool { return t.signed() || t.IsFloat() }
func only(t Type) kind     { return func(u Type) bool { return u == t } }

// unify gives the operands of op one type, which must be in allowed: constants take the type of the registers.
// It returns the type, after a mistake some type that is allowed, so that writing can go on.
func (b *Builder) unify(op string, allowed kind, xs ...*Value) Type {
	t := untyped
	for i, x := range xs {
		switch {
		case x.owner == nil && !x.constant:
			b.fail(op, "operand %d is the zero Value", i+1)
		case x.owner != nil && x.owner != b:
			b.fail(op, "operand %d, %v, belongs to kernel %s", i+1, x, x.owner.name)
		case x.typ == untyped:
		case t == untyped:
			t = x.typ
		case t != x.typ:
			b.fail(op, "operands %v: convert one of them", types(xs))
		}
	}
	if t == untyped {
		b.fail(op, "all operands are constants without a type: use Type.Int or Type.Num for one of them")
	} else if !allowed(t) {
		b.fail(op, "there is no such instruction for %v", t)
	}
	if b.err != nil {
		for t = Pred; !allowed(t); t++ {
		}
		for _, x := range xs {
			*x = Value{typ: t, owner: b, reg: 1}
		}
		return t
	}
	for _, x := range xs {
		if x.owner == nil {
			if !x.fits(t) {
				b.fail(op, "the constant %v is no %v", *x, t)
			}
			x.typ = t
		}
	}
	return t
}

func types(xs []*Value) string {
	var s []string
	for _, x := range xs {
		s = append(s, x.typ.String())
	}
	return strings.Join(s, ", ")
}

func identifier(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r != '_' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != ""
}

// caller is the place outside of this package from which it was called, in brackets.
func caller() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if !strings.Contains(f.Function, "/internal/ptx.") || strings.HasSuffix(f.File, "_test.go") {
			if f.File == "" {
				return ""
			}
			return fmt.Sprintf(" (%s:%d)", f.File[strings.LastIndexByte(f.File, '/')+1:], f.Line)
		}
		if !more {
			return ""
		}
	}
}

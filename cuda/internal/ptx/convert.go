package ptx

// Condition is a way to compare.
type Condition string

const (
	LT Condition = "lt" // false if either is NaN, as all up to EQ
	LE Condition = "le"
	GT Condition = "gt"
	GE Condition = "ge"
	EQ Condition = "eq"
	NE Condition = "ne" // of floats: true if either is NaN, as != of Go

	// Of floats only.
	LTU       Condition = "ltu" // true if either is NaN, as all up to EQU
	LEU       Condition = "leu"
	GTU       Condition = "gtu"
	GEU       Condition = "geu"
	EQU       Condition = "equ"
	Ordered   Condition = "num" // neither is NaN
	Unordered Condition = "nan" // either is NaN
)

// Compare is a condition on x and y.
func (b *Builder) Compare(c Condition, x, y Value) Value {
	t := b.unify("setp."+string(c), notPred, &x, &y)
	switch c {
	case LT, LE, GT, GE, EQ:
	case NE:
		if t.IsFloat() {
			c = "neu" // PTX's ne is false for NaN
		}
	case LTU, LEU, GTU, GEU, EQU, Ordered, Unordered:
		if !t.IsFloat() {
			b.fail("setp."+string(c), "integers are always ordered")
		}
	default:
		b.fail("setp", "there is no condition %q", c)
	}
	d := b.new(Pred)
	b.emit("setp."+string(c)+"."+t.String(), d, x, y)
	return d
}

// Lt is x < y.
func (b *Builder) Lt(x, y Value) Value { return b.Compare(LT, x, y) }

// Le is x <= y.
func (b *Builder) Le(x, y Value) Value { return b.Compare(LE, x, y) }

// Gt is x > y.
func (b *Builder) Gt(x, y Value) Value { return b.Compare(GT, x, y) }

// Ge is x >= y.
func (b *Builder) Ge(x, y Value) Value { return b.Compare(GE, x, y) }

// Eq is x == y.
func (b *Builder) Eq(x, y Value) Value { return b.Compare(EQ, x, y) }

// Ne is x != y.
func (b *Builder) Ne(x, y Value) Value { return b.Compare(NE, x, y) }

// IsNaN is x != x.
func (b *Builder) IsNaN(x Value) Value { return b.Compare(Unordered, x, x) }

// Select is x where p, else y.
func (b *Builder) Select(p, x, y Value) Value {
	b.unify("selp", isPred, &p)
	t := b.unify("selp", notPred, &x, &y)
	d := b.new(t)
	b.emit("selp."+t.String(), d, x, y, p)
	return d
}

// Convert is x as a number of type t: a float becomes an integer by truncation, what does not fit becomes the
// nearest that does, and NaN 0 or, if one of the types has 64 bits, the highest bit alone; numbers become
// floats by rounding to nearest; integers change their width by dropping or extending. A condition becomes 1 or
// 0. Where nothing needs to be done (same type, or same width of integers) the result is the register of x
// itself.
func (b *Builder) Convert(t Type, x Value) Value {
	from := b.unify("cvt", anyType, &x)
	if !notPred(t) {
		b.fail("cvt", "%v to %v", from, t)
		return b.new(Pred)
	}
	mode := ""
	switch {
	case x.owner == nil:
		b.fail("cvt", "%v is a constant: give it type %v at once", x, t)
	case from == t, from.IsInt() && t.IsInt() && from.Size() == t.Size():
		x.typ = t
		return x
	case from == Pred:
		return b.Select(x, t.Int(1), t.Int(0))
	case from.IsFloat() && t.IsInt():
		mode = "rzi."
	case from.IsInt() && t.IsFloat(), from == F64 && t == F32:
		mode = "rn."
	}
	d := b.new(t)
	b.emit("cvt."+mode+t.String()+"."+from.String(), d, x)
	return d
}

// Bits is a value of type t with the bits of x, which has the same width. Between integers the result is the
// register of x itself.
func (b *Builder) Bits(t Type, x Value) Value {
	from := b.unify("mov", notPred, &x)
	if t.Size() != from.Size() {
		b.fail("mov", "%v and %v differ in width", from, t)
	}
	if x.owner != nil && t.class() == from.class() {
		x.typ = t
		return x
	}
	d := b.new(t)
	b.emit("mov."+t.raw(), d, x)
	return d
}

// Split is the lower and the upper half of a 64-bit value.
func (b *Builder) Split(x Value) (lo, hi Value) {
	b.unify("mov", func(t Type) bool { return t.Size() == 8 }, &x)
	lo, hi = b.new(U32), b.new(U32)
	b.emit("mov.b64", "{"+lo.String()+", "+hi.String()+"}", x)
	return lo, hi
}

// Join is the 64-bit value of type t with the given halves, U32.
func (b *Builder) Join(t Type, lo, hi Value) Value {
	b.unify("mov", only(U32), &lo, &hi)
	if t.Size() != 8 {
		b.fail("mov", "%v does not have 64 bits", t)
	}
	d := b.new(t)
	b.emit("mov.b64", d, "{"+lo.String()+", "+hi.String()+"}")
	return d
}

// RoundBF16 is the bfloat16 nearest to the F32 x, the even one of two: its 16 bits, in the lower half of a U32.
// NaN becomes 0x7FFF, as by cvt.rn.bf16.f32, which needs sm_80.
func (b *Builder) RoundBF16(x Value) Value {
	bits := b.Bits(U32, x)
	odd := b.And(b.Shr(bits, Int(16)), Int(1))
	// half of the last place, less a bit where that would round an even number up
	up := b.Add(b.Add(bits, odd), Int(0x7FFF))
	return b.Select(b.IsNaN(x), Int(0x7FFF), b.Shr(up, Int(16)))
}

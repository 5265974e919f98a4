package ptx

// binary writes an instruction of two operands of one type.
func (b *Builder) binary(op string, allowed kind, x, y Value) Value {
	t := b.unify(op, allowed, &x, &y)
	d := b.new(t)
	b.emit(op+"."+t.String(), d, x, y)
	return d
}

// rounded is binary with the modifier that t asks for: .rn for floats, so that they are rounded once and never
// contracted.
func (b *Builder) rounded(op, intMode string, x, y Value) Value {
	t := b.unify(op, notPred, &x, &y)
	d := b.new(t)
	if t.IsFloat() {
		b.emit(op+".rn."+t.String(), d, x, y)
	} else {
		b.emit(op+intMode+"."+t.String(), d, x, y)
	}
	return d
}

// Add is x+y; of integers modulo 2³² or 2⁶⁴, as all integer arithmetic.
func (b *Builder) Add(x, y Value) Value { return b.rounded("add", "", x, y) }

// Sub is x-y.
func (b *Builder) Sub(x, y Value) Value { return b.rounded("sub", "", x, y) }

// Mul is x*y; of integers the lower half of the product.
func (b *Builder) Mul(x, y Value) Value { return b.rounded("mul", ".lo", x, y) }

// Div is x/y; of integers truncated towards zero. An integer divided by zero is not defined.
func (b *Builder) Div(x, y Value) Value { return b.rounded("div", "", x, y) }

// Rem is x - x/y*y of integers. The remainder of a division by zero is not defined.
func (b *Builder) Rem(x, y Value) Value { return b.binary("rem", Type.IsInt, x, y) }

// MulHi is the upper half of the product of integers.
func (b *Builder) MulHi(x, y Value) Value { return b.binary("mul.hi", Type.IsInt, x, y) }

// MulWide is the whole product of 32-bit integers, in 64 bits.
func (b *Builder) MulWide(x, y Value) Value {
	t := b.unify("mul.wide", isInt32, &x, &y)
	d := b.new(wide(t))
	b.emit("mul.wide."+t.String(), d, x, y)
	return d
}

// wide is the 64-bit type of the signedness of t.
func wide(t Type) Type {
	if t.signed() {
		return S64
	}
	return U64
}

// Mad is x*y+z of integers.
func (b *Builder) Mad(x, y, z Value) Value {
	t := b.unify("mad", Type.IsInt, &x, &y, &z)
	d := b.new(t)
	b.emit("mad.lo."+t.String(), d, x, y, z)
	return d
}

// MadWide is x*y+z with 32-bit x and y and a 64-bit z of the same signedness.
func (b *Builder) MadWide(x, y, z Value) Value {
	t := b.unify("mad.wide", isInt32, &x, &y)
	b.unify("mad.wide", only(wide(t)), &z)
	d := b.new(wide(t))
	b.emit("mad.wide."+t.String(), d, x, y, z)
	return d
}

// Fma is x*y+z of floats, rounded once.
func (b *Builder) Fma(x, y, z Value) Value {
	t := b.unify("fma", Type.IsFloat, &x, &y, &z)
	d := b.new(t)
	b.emit("fma.rn."+t.String(), d, x, y, z)
	return d
}

// Min is the smaller of x and y; of a number and NaN the number.
func (b *Builder) Min(x, y Value) Value { return b.binary("min", notPred, x, y) }

// Max is the larger of x and y; of a number and NaN the number.
func (b *Builder) Max(x, y Value) Value { return b.binary("max", notPred, x, y) }

// MinNaN is the smaller of two floats; NaN if either is NaN.
func (b *Builder) MinNaN(x, y Value) Value { return b.withNaN(b.Min(x, y), x, y) }

// MaxNaN is the larger of two floats; NaN if either is NaN.
func (b *Builder) MaxNaN(x, y Value) Value { return b.withNaN(b.Max(x, y), x, y) }

// withNaN is m, or NaN if x or y is. (min.NaN and max.NaN need sm_80.)
func (b *Builder) withNaN(m, x, y Value) Value {
	return b.Select(b.Compare(Unordered, x, y), b.Add(x, y), m)
}

// unary writes an instruction of one operand.
func (b *Builder) unary(op string, allowed kind, x Value) Value {
	t := b.unify(op, allowed, &x)
	d := b.new(t)
	b.emit(op+"."+t.String(), d, x)
	return d
}

// Neg is -x.
func (b *Builder) Neg(x Value) Value { return b.unary("neg", isSigned, x) }

// Abs is |x|.
func (b *Builder) Abs(x Value) Value { return b.unary("abs", isSigned, x) }

// Sqrt is √x.
func (b *Builder) Sqrt(x Value) Value { return b.unary("sqrt.rn", Type.IsFloat, x) }

// Rcp is 1/x.
func (b *Builder) Rcp(x Value) Value { return b.unary("rcp.rn", Type.IsFloat, x) }

// RcpApprox is 1/x in float32 to within 1 ulp.
func (b *Builder) RcpApprox(x Value) Value { return b.unary("rcp.approx", only(F32), x) }

// Ex2 is 2ˣ in float32, with a relative error of at most 2⁻²².
func (b *Builder) Ex2(x Value) Value { return b.unary("ex2.approx", only(F32), x) }

// Lg2 is log₂x in float32, with an absolute error of at most 2⁻²² for x in (0.5, 2), a relative error of at
// most 2⁻²² elsewhere.
func (b *Builder) Lg2(x Value) Value { return b.unary("lg2.approx", only(F32), x) }

// Copysign is a number with the magnitude of x and the sign of y.
func (b *Builder) Copysign(x, y Value) Value {
	t := b.unify("copysign", Type.IsFloat, &x, &y)
	d := b.new(t)
	b.emit("copysign."+t.String(), d, y, x) // PTX names the sign first
	return d
}

// Floor is the largest integer <= x, a float.
func (b *Builder) Floor(x Value) Value { return b.integral("rmi", x) }

// Ceil is the smallest integer >= x, a float.
func (b *Builder) Ceil(x Value) Value { return b.integral("rpi", x) }

// Round is the integer nearest to x, the even one of two, a float.
func (b *Builder) Round(x Value) Value { return b.integral("rni", x) }

// Trunc is x without what follows its point, a float.
func (b *Builder) Trunc(x Value) Value { return b.integral("rzi", x) }

func (b *Builder) integral(mode string, x Value) Value {
	t := b.unify("cvt."+mode, Type.IsFloat, &x)
	d := b.new(t)
	b.emit("cvt."+mode+"."+t.String()+"."+t.String(), d, x)
	return d
}

// logic writes an instruction on bits, or on conditions.
func (b *Builder) logic(op string, xs ...Value) Value {
	ps := make([]*Value, len(xs))
	for i := range xs {
		ps[i] = &xs[i]
	}
	t := b.unify(op, func(t Type) bool { return t == Pred || t.IsInt() }, ps...)
	d := b.new(t)
	operands := []any{d}
	for _, x := range xs {
		operands = append(operands, x)
	}
	b.emit(op+"."+t.raw(), operands...)
	return d
}

// And is the conjunction of integers bit by bit, or of conditions.
func (b *Builder) And(x, y Value) Value { return b.logic("and", x, y) }

// Or is the disjunction of integers bit by bit, or of conditions.
func (b *Builder) Or(x, y Value) Value { return b.logic("or", x, y) }

// Xor is the exclusive disjunction of integers bit by bit, or of conditions.
func (b *Builder) Xor(x, y Value) Value { return b.logic("xor", x, y) }

// Not is the complement of an integer, or of a condition.
func (b *Builder) Not(x Value) Value { return b.logic("not", x) }

// Shl is x·2ⁿ of an integer; n is an unsigned 32-bit number. All bits are shifted out by n beyond the width of x.
func (b *Builder) Shl(x, n Value) Value {
	t := b.shift("shl", &x, &n)
	d := b.new(t)
	b.emit("shl."+t.raw(), d, x, n)
	return d
}

// Shr is ⌊x/2ⁿ⌋ of an integer; n is an unsigned 32-bit number. An n beyond the width of x gives 0, or -1 for a
// negative x.
func (b *Builder) Shr(x, n Value) Value {
	t := b.shift("shr", &x, &n)
	d := b.new(t)
	b.emit("shr."+t.String(), d, x, n)
	return d
}

func (b *Builder) shift(op string, x, n *Value) Type {
	if n.typ == untyped {
		n.typ = U32
	}
	b.unify(op, isInt32, n)
	return b.unify(op, Type.IsInt, x)
}

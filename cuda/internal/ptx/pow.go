package ptx

import "math"

// pow is xʸ, with the special cases of math.Pow. In F32 it is computed in F64.
func (b *Builder) pow(x, y Value) Value {
	if x.typ == F32 {
		x, y = b.Convert(F64, x), b.Convert(F64, y)
		magnitude := b.exp(b.Mul(y, b.log(b.Abs(x))))
		return b.Convert(F32, b.powOf(x, y, magnitude))
	}
	// y·ln|x| must be known to more bits than F64 has, because eᵖ multiplies an error of p by p.
	hi, lo := b.logTwice(b.Abs(x))
	p := b.Mul(y, hi)
	low := b.Fma(y, lo, b.Fma(y, hi, b.Neg(p)))
	low = b.Select(b.Lt(b.Abs(p), Num(1<<12)), low, Num(0)) // beyond, eᵖ is 0 or infinite
	e := b.exp(p)
	return b.powOf(x, y, b.Select(b.Lt(e, Num(math.Inf(1))), b.Fma(e, low, e), e))
}

// logTwice is ln x as an unevaluated sum, with an error of about 2⁻⁵⁸, for x >= 0: enough for 10⁻¹⁴ in any
// power that is finite.
//
// It is logFinite with s = f/(2+f) and the sum of the parts in two words each.
func (b *Builder) logTwice(x Value) (hi, lo Value) {
	k, f := b.split(x, math.Sqrt(0.5))
	den := b.Add(f, Num(2))
	denLo := b.Sub(f, b.Sub(den, Num(2)))
	s := b.Div(f, den)
	rest := b.Fma(b.Neg(s), denLo, b.Fma(b.Neg(s), den, f))
	sLo := b.Div(rest, den)
	z := b.Mul(s, s)
	tail := b.Mul(b.Mul(s, z), b.poly(z, logPoly64))

	whole, s2 := b.Mul(k, Num(arith64.ln2Hi)), b.Add(s, s) // the first is exact, and 0 or the larger
	sum := b.Add(whole, s2)
	err := b.Add(b.Sub(whole, sum), s2)
	low := b.Add(b.Add(b.Fma(k, Num(arith64.ln2Lo), err), b.Add(sLo, sLo)), tail)
	hi = b.Add(sum, low)
	lo = b.Add(b.Sub(sum, hi), low)
	return b.logOf(x, hi), lo
}

// powOf gives |x|ʸ its sign, and mends what y·ln|x| does not say. x and y are F64.
func (b *Builder) powOf(x, y, magnitude Value) Value {
	one := b.Or(b.Eq(x, Num(1)), b.Eq(y, Num(0)))                     // 1, even of NaN
	unit := b.And(b.Eq(x, Num(-1)), b.Eq(b.Abs(y), Num(math.Inf(1)))) // (-1)^±∞ = 1, where the logarithm gives 0·∞
	half := b.Mul(y, Num(0.5))                                        // of an odd integer: no integer
	integer, even := b.Eq(b.Trunc(y), y), b.Eq(b.Trunc(half), half)   // ∞ is even
	negative := b.Lt(b.Copysign(Num(1), x), Num(0))                   // -0 too
	r := b.Select(b.And(negative, b.And(integer, b.Not(even))), b.Neg(magnitude), magnitude)
	none := b.And(b.And(b.Lt(x, Num(0)), b.Gt(x, Num(math.Inf(-1)))), b.Not(integer)) // a root of a negative number
	r = b.Select(none, Num(math.NaN()), r)
	return b.Select(b.Or(one, unit), Num(1), r)
}

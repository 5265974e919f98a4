package ptx

import "math"

// logPoly32 is (ln(1+f) - f + f²/2)/f³ for |f| <= 1/3; ln(1+f) to 2e-8.
var logPoly32 = []float64{0.33333319425582886, -0.24999988079071045, 0.20003780722618103, -0.16670140624046326,
	0.14118309319019318,
	-0.12346190214157104, 0.1342574954032898, -0.12125580757856369}

// logPoly64 is (2·artanh(s) - 2s)/s³ in s², for |s| <= (√2-1)/(√2+1); 2·artanh(s) to 5e-18.
var logPoly64 = []float64{0.666666666666667, 0.39999999999899505, 0.28571428625975487, 0.2222221113479508,
	0.18182889125261723,
	0.15331721600556042, 0.14616449685043406}

// split is x = 2ᵏ·(1+f) with 1+f in [least, 2·least), for positive finite x; k is a float.
func (b *Builder) split(x Value, least float64) (k, f Value) {
	a := arithOf(x.typ)
	small := b.Lt(x, Num(math.Ldexp(1, 1-a.bias))) // denormal: made normal first
	x = b.Select(small, b.Mul(x, Num(math.Ldexp(1, a.mantissa+1))), x)
	lift := b.Select(small, S32.Int(-a.mantissa-1), Int(0))

	leastBits := int(math.Float64bits(least))
	if a.float == F32 {
		leastBits = int(math.Float32bits(float32(least)))
	}
	bits := b.Bits(a.integer, x)
	above := b.Shr(b.Sub(bits, Int(leastBits)), Int(a.mantissa))
	m := b.Bits(x.typ, b.Sub(bits, b.Shl(above, Int(a.mantissa))))
	k = b.Convert(x.typ, b.Add(b.Convert(S32, above), lift))
	return k, b.Sub(m, Num(1))
}

// logFinite is ln x + c for positive finite x and a small correction c.
func (b *Builder) logFinite(x, c Value) Value {
	a := arithOf(x.typ)
	if a.float == F32 {
		k, f := b.split(x, 2./3)
		p := b.Fma(b.poly(f, logPoly32), f, Num(-0.5))
		tail := b.Fma(b.Mul(f, f), p, b.Fma(k, Num(a.ln2Lo), c))
		return b.Fma(k, Num(a.ln2Hi), b.Add(f, tail))
	}
	// ln(1+f) = 2·artanh(s) with s = f/(2+f); f - s·f is 2s without its rounding error, which is what counts
	// for small f.
	k, f := b.split(x, math.Sqrt(0.5))
	s := b.Div(f, b.Add(f, Num(2)))
	z := b.Mul(s, s)
	p := b.Mul(z, b.poly(z, logPoly64))                      // (ln(1+f) - 2s)/s
	tail := b.Fma(s, b.Sub(p, f), b.Fma(k, Num(a.ln2Lo), c)) // ln(1+f) = f + s·(p-f)
	return b.Fma(k, Num(a.ln2Hi), b.Add(f, tail))
}

// logOf is y, which is the logarithm of x where that is positive and finite, made right for the other x.
func (b *Builder) logOf(x, y Value) Value {
	y = b.Select(b.Eq(x, Num(math.Inf(1))), Num(math.Inf(1)), y)
	y = b.Select(b.Eq(x, Num(0)), Num(math.Inf(-1)), y)
	return b.Select(b.Compare(GEU, x, Num(0)), b.keepNaN(x, y), Num(math.NaN()))
}

// log is ln x = k·ln2 + ln(1+f).
func (b *Builder) log(x Value) Value {
	return b.logOf(x, b.logFinite(x, x.typ.Num(0)))
}

// log1p is ln(1+x) = ln u + c/u, where u is 1+x rounded and c what the rounding took (Knuth's TwoSum).
func (b *Builder) log1p(x Value) Value {
	u := b.Add(x, Num(1))
	v := b.Sub(u, Num(1))
	c := b.Add(b.Sub(Num(1), b.Sub(u, v)), b.Sub(x, v))
	y := b.logOf(u, b.logFinite(u, b.Div(c, u)))
	return b.Select(b.Eq(u, Num(1)), x, y) // with the sign of zero
}

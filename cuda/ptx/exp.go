package ptx

import "math"

// reduced is x = n·ln2 + r with |r| <= ½ln2, and p = eʳ-1.
func (b *Builder) reduced(x Value) (n, p Value) {
	a := arithOf(x.typ)
	k, n := b.nearest(x, math.Log2E)
	r := b.Fma(k, Num(-a.ln2Lo), b.Fma(k, Num(-a.ln2Hi), x))
	return n, b.expm1Poly(r)
}

// expm1Poly is eʳ-1 for |r| <= ½ln2.
func (b *Builder) expm1Poly(r Value) Value {
	return b.Fma(b.Mul(r, r), b.poly(r, arithOf(r.typ).exp), r)
}

// scale is y·2ⁿ, in two steps, so that denormal results are rounded once and all n of an exponential are allowed.
func (b *Builder) scale(y, n Value) Value {
	half := b.Shr(n, Int(1))
	return b.Mul(b.Mul(y, b.power2(y.typ, half)), b.power2(y.typ, b.Sub(n, half)))
}

// exp is eˣ = 2ⁿ·eʳ.
func (b *Builder) exp(x Value) Value {
	a := arithOf(x.typ)
	n, p := b.reduced(b.clamp(x, a.expLo, a.expHi))
	return b.keepNaN(x, b.scale(b.Add(p, Num(1)), n))
}

// expm1 is eˣ-1 = 2ⁿ·(eʳ-1) + 2ⁿ-1.
func (b *Builder) expm1(x Value) Value {
	a := arithOf(x.typ)
	return b.keepNaN(x, b.Copysign(b.expm1Finite(b.clamp(x, a.expm1Lo, a.expHi)), x)) // -0 too
}

// expm1Finite is expm1 between expm1Lo and expHi. For n = 0 it is the polynomial alone, with all its digits.
func (b *Builder) expm1Finite(x Value) Value {
	t := x.typ
	n, p := b.reduced(x)
	half := b.Shr(n, Int(1))
	rest := b.Sub(n, half)
	first := b.power2(t, half)
	y := b.Fma(p, first, b.Sub(first, b.power2(t, b.Neg(rest))))
	return b.Select(b.Eq(n, Int(0)), p, b.Mul(y, b.power2(t, rest)))
}

// tanh is t/(t+2) with t = e²ˣ-1, for |x|.
func (b *Builder) tanh(x Value) Value {
	a := arithOf(x.typ)
	m := b.Min(b.Abs(x), Num(a.tanhHi))
	t := b.expm1Finite(b.Add(m, m))
	return b.keepNaN(x, b.Copysign(b.Div(t, b.Add(t, Num(2))), x))
}

// sigmoid is 1/(1+e⁻ˣ); for a negative x it is eˣ/(1+eˣ), which does not overflow.
func (b *Builder) sigmoid(x Value) Value {
	a := arithOf(x.typ)
	n, p := b.reduced(b.clamp(b.Neg(b.Abs(x)), a.expLo, 0))
	e := b.scale(b.Add(p, Num(1)), n)
	numerator := b.Select(b.Lt(x, Num(0)), e, Num(1))
	return b.keepNaN(x, b.Div(numerator, b.Add(e, Num(1))))
}

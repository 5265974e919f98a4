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

// tanh is t/(t+2) with t = e⁻²ˣ-1, for |x|, with the sign of x.
func (b *Builder) tanh(x Value) Value {
	m := b.Min(b.Abs(x), Num(arithOf(x.typ).tanhHi))
	n, p := b.reduced(b.Mul(m, Num(-2)))
	s := b.power2(x.typ, n)
	t := b.Fma(p, s, b.Sub(s, Num(1))) // e⁻²ˣ-1; for n = 0 it is p
	return b.keepNaN(x, b.Copysign(b.ratio(t, b.Add(t, Num(2))), x))
}

// sigmoid is 1/(1+e⁻ˣ); for a negative x it is eˣ/(1+eˣ), which does not overflow.
func (b *Builder) sigmoid(x Value) Value {
	a := arithOf(x.typ)
	n, p := b.reduced(b.clamp(b.Neg(b.Abs(x)), a.expLo, 0))
	e := b.scale(b.Add(p, Num(1)), n)
	numerator := b.Select(b.Lt(x, Num(0)), e, Num(1))
	return b.keepNaN(x, b.ratio(numerator, b.Add(e, Num(1))))
}

// rcpPoly is 1/d for 1 <= d <= 2, to one part in 577: 1 - d·rcpPoly(d) is Chebyshev's T₄(2d-3)/577.
var rcpPoly = []float64{1632. / 577, -1696. / 577, 768. / 577, -128. / 577}

// ratio is x/d for |x| <= 1 <= d <= 2, to within an ulp. Such a division needs none of the branches that Div
// has for numbers of any size, and a quarter of its instructions: Newton's steps, each of which squares the
// error of 1/d, then what is left of x.
func (b *Builder) ratio(x, d Value) Value {
	r, minus := b.poly(d, rcpPoly), b.Neg(d)
	for range arithOf(d.typ).rcpSteps {
		r = b.Fma(r, b.Fma(minus, r, Num(1)), r)
	}
	q := b.Mul(x, r)
	return b.Fma(b.Fma(minus, q, x), r, q)
}

package ptx

import "math"

// The functions that IEEE 754 does not round: exponentials, logarithms, trigonometric functions, powers.
//
// They are built of correctly rounded instructions alone, never of .approx ones, so that the GPU and the
// simulator compute the same bits. The method is the classic one: reduce the argument to a small interval (Cody
// & Waite, "Software manual for the elementary functions", 1980; Muller, "Elementary functions", 3rd ed. 2016,
// chapters 4 and 11), there a polynomial, then scale. The polynomials interpolate the function at Chebyshev's
// nodes of the interval; with each stands its largest relative error before rounding.

// arith is what the methods must know of a float type.
type arith struct {
	float, integer Type    // an integer of the same width
	mantissa       int     // stored bits
	bias           int     // of the exponent
	magic          float64 // 1.5·2^mantissa: x+magic has the integer nearest to x in its lowest bits
	ln2Hi, ln2Lo   float64 // ln 2; the first part has trailing zeros enough that its product with an exponent is exact
	expLo, expHi   float64 // beyond these, eˣ rounds to 0, or to infinity
	expm1Lo        float64 // below, eˣ-1 rounds to -1
	tanhHi         float64 // above, tanh x rounds to 1
	exp            []float64
	rcpSteps       int // of Newton, after rcpPoly, so that the error of 1/d squared is less than half an ulp
}

var arith32 = arith{
	float: F32, integer: S32, mantissa: 23, bias: 127, magic: 1.5 * (1 << 23),
	ln2Hi: 0.693145751953125, ln2Lo: 1.4286068203094173e-06,
	expLo: -104, expHi: 89, expm1Lo: -18, tanhHi: 10,
	// (eʳ-1-r)/r² for |r| <= ½ln2; eʳ to 7e-10, eʳ-1 to 2e-9
	exp: []float64{0.5, 0.1666666716337204, 0.04166646674275398, 0.00833331048488617, 0.0013933641603216529,
		0.00019890980911441147},
	rcpSteps: 1, // 3e-6
}

var arith64 = arith{
	float: F64, integer: S64, mantissa: 52, bias: 1023, magic: 1.5 * (1 << 52),
	ln2Hi: 0x1.62e42fefa3800p-1, ln2Lo: 0x1.ef35793c76730p-45,
	expLo: -746, expHi: 710, expm1Lo: -38, tanhHi: 20,
	// (eʳ-1-r)/r² for |r| <= ½ln2; eʳ to 2e-17, eʳ-1 to 4e-17
	exp: []float64{0.5000000000000001, 0.16666666666666669, 0.041666666666624164, 0.008333333333330065,
		0.0013888888917196719,
		0.00019841269863040545, 2.4801521322368692e-05, 2.7557268480310024e-06, 2.7620075879983367e-07, 2.5100375832561234e-08},
	rcpSteps: 2, // 9e-12
}

func arithOf(t Type) *arith {
	if t == F64 {
		return &arith64
	}
	return &arith32
}

// poly is c[0] + c[1]·x + c[2]·x² + ..., by Horner's rule.
func (b *Builder) poly(x Value, c []float64) Value {
	y := x.typ.Num(c[len(c)-1])
	for i := len(c) - 2; i >= 0; i-- {
		y = b.Fma(y, x, Num(c[i]))
	}
	return y
}

// clamp is x, but lo or hi where x is less or more; NaN becomes lo.
func (b *Builder) clamp(x Value, lo, hi float64) Value { return b.Min(b.Max(x, Num(lo)), Num(hi)) }

// keepNaN is y, or x where x is NaN.
func (b *Builder) keepNaN(x, y Value) Value { return b.Select(b.IsNaN(x), x, y) }

// nearest is the integer nearest to x·scale, as a float and as an S32; |x·scale| < 2²² in F32, 2³¹ in F64.
func (b *Builder) nearest(x Value, scale float64) (n, i Value) {
	a := arithOf(x.typ)
	t := b.Fma(x, Num(scale), Num(a.magic))
	bits := b.Bits(a.integer, t)
	if a.float == F32 {
		bits = b.Sub(bits, Int(int(math.Float32bits(float32(a.magic)))))
	}
	return b.Sub(t, Num(a.magic)), b.Convert(S32, bits) // the lowest bits of the magic number in F64 are 0
}

// power2 is 2ⁿ as a float of type t, for an S32 n that is the exponent of a normal number.
func (b *Builder) power2(t Type, n Value) Value {
	a := arithOf(t)
	e := b.Convert(a.integer, b.Add(n, Int(a.bias)))
	return b.Bits(t, b.Shl(e, Int(a.mantissa)))
}

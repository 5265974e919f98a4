package ptx

import "math"

// Polynomials in r² for |r| <= π/4: sin r = r + r³·S(r²), cos r = 1 - r²/2 + r⁴·C(r²). In F32 to 2e-8 and 1e-9,
// in F64 to 2e-17.
var (
	sinPoly32 = []float64{-0.166666641831398, 0.008332747966051102, -0.000195878412341699}
	cosPoly32 = []float64{0.0416666641831398, -0.001388830249197781, 2.454789137118496e-05}
	sinPoly64 = []float64{-0.16666666666666666, 0.008333333333330946, -0.0001984126983675497, 2.755731610068303e-06,
		-2.5051131455427946e-08,
		1.591810123027412e-10}
	cosPoly64 = []float64{0.041666666666666664, -0.0013888888888887395, 2.4801587298763433e-05, -2.7557317270560326e-07,
		2.0876146024689747e-09,
		-1.1382614868556325e-11}
)

const (
	halfPi   = math.Pi / 2
	halfPiLo = 6.123233995736766e-17 // π/2 less that
)

// farthest is how far from zero arguments are reduced with care: the tape asks for 2³⁰, and integers of 32 bits
// go to twice that.
const farthest = 1 << 31

// sine is sin(x + quarters·π/2): sin for 0, cos for 1.
//
// x = k·π/2 + r, in F64 for either type: for |x| <= 2³¹ both x and k·halfPi are multiples of 2⁻⁵², so that
// their difference, less than 1, is exact (Cody & Waite). Beyond, the result is 0; of infinity it is NaN.
func (b *Builder) sine(x Value, quarters int) Value {
	wide := x
	sinPoly, cosPoly := sinPoly64, cosPoly64
	if x.typ == F32 {
		wide = b.Convert(F64, x)
		sinPoly, cosPoly = sinPoly32, cosPoly32
	}
	k, i := b.nearest(b.clamp(wide, -farthest, farthest), 1/halfPi)
	r := b.Fma(k, Num(-halfPiLo), b.Fma(k, Num(-halfPi), wide))
	if x.typ == F32 {
		r = b.Convert(F32, r)
	}
	z := b.Mul(r, r)
	s := b.Fma(b.Mul(z, r), b.poly(z, sinPoly), r)
	c := b.Fma(b.Mul(z, z), b.poly(z, cosPoly), b.Fma(z, Num(-0.5), Num(1)))
	if quarters != 0 {
		i = b.Add(i, Int(quarters))
	}
	y := b.Select(b.Eq(b.And(i, Int(1)), Int(0)), s, c)
	y = b.Select(b.Eq(b.And(i, Int(2)), Int(0)), y, b.Neg(y))
	if quarters == 0 {
		y = b.Select(b.Eq(x, Num(0)), x, y) // -0 too
	}
	return b.Select(b.Le(b.Abs(x), Num(farthest)), y, b.Mul(x, Num(0)))
}

package sim_test

import (
	"math"
	"math/big"
	"testing"
)

// Exponentials and logarithms to 160 bits, because package math errs where the GPU need not: its Pow by 1e-12
// for large exponents, its Exp and Log on amd64 near the largest result and for denormal numbers.

func number(x float64) *big.Float { return new(big.Float).SetPrec(160).SetFloat64(x) }

func multiply(x, y *big.Float) *big.Float { return number(0).Mul(x, y) }

// ln2 is -ln(1 - ½) = Σ 2⁻ⁱ/i.
var ln2 = func() *big.Float {
	sum, term := number(0), number(1)
	for i := 1; i < 200; i++ {
		term.Quo(term, number(2))
		sum.Add(sum, number(0).Quo(term, number(float64(i))))
	}
	return sum
}()

// bigExp is eˣ = 2ⁿ·eʳ, eʳ by its series.
func bigExp(x *big.Float) *big.Float {
	f, _ := number(0).Quo(x, ln2).Float64()
	n := math.Round(f)
	r := number(0).Sub(x, multiply(number(n), ln2))
	sum, term := number(1), number(1)
	for i := 1; i < 34; i++ {
		term = number(0).Quo(multiply(term, r), number(float64(i)))
		sum.Add(sum, term)
	}
	return sum.SetMantExp(sum, int(n))
}

// bigLog is ln x to 100 bits, by a step of Newton's method for eʸ = x from the logarithm of the leading digits:
// y' = y + x·e⁻ʸ - 1.
func bigLog(x *big.Float) *big.Float {
	mantissa := number(0)
	e := x.MantExp(mantissa)
	m, _ := mantissa.Float64()
	y := number(0).Add(number(math.Log(m)), multiply(number(float64(e)), ln2))
	z := multiply(x, bigExp(number(0).Neg(y)))
	return y.Add(y, z.Sub(z, number(1)))
}

func float(x *big.Float) float64 {
	f, _ := x.Float64()
	return f
}

func TestBig(t *testing.T) {
	for _, x := range []float64{1e-300, 0.3, 1, 2, 700, 5e-324} {
		if got := float(bigExp(bigLog(number(x)))); got != x {
			t.Errorf("exp(log(%v)) = %v", x, got)
		}
	}
	if got := float(bigLog(number(math.Exp(1)))); math.Abs(got-1) > 1e-15 {
		t.Errorf("log e = %v", got)
	}
}

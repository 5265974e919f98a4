package sim_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/unroll-ml/unroll/graph/tape"
)

// The functions err by little more than what rounding their result costs; the tape asks for far less. Errors
// are in units of 2⁻²³ or 2⁻⁵² of the result, or of 1 for sin and cos, whose argument near a zero is not known
// better.
func TestAccuracy(t *testing.T) {
	for _, c := range []struct {
		fn     tape.Fn
		lo, hi float64
		units  float64
	}{
		{tape.Exp, -87, 88.7, 1}, {tape.Exp, -1, 1, 1.5},
		{tape.Expm1, -17, 88, 2}, {tape.Expm1, -0.5, 0.5, 2},
		{tape.Log, 0, 1e30, 1}, {tape.Log, 0.5, 1.5, 2},
		{tape.Log1p, -0.999, 1, 2}, {tape.Log1p, -1e-3, 1e-3, 1},
		{tape.Sin, -100, 100, 1.5}, {tape.Cos, -100, 100, 1.5}, {tape.Sin, -0x1p31, 0x1p31, 1.5}, {tape.Cos, -0x1p31, 0x1p31, 1.5},
		{tape.Tanh, -5, 5, 3}, {tape.Tanh, -0.1, 0.1, 3}, {tape.Sigmoid, -80, 80, 3},
	} {
		accuracy[float32](t, c.fn, c.lo, c.hi, c.units, 0x1p-24, 4000, nil)
		accuracy[float64](t, c.fn, c.lo, c.hi, c.units, 0x1p-53, 300, exactly[c.fn])
	}
}

// exactly are the functions to more digits than float64 has.
var exactly = map[tape.Fn]func(x *big.Float) *big.Float{
	tape.Exp:   bigExp,
	tape.Expm1: func(x *big.Float) *big.Float { e := bigExp(x); return e.Sub(e, number(1)) },
	tape.Log:   bigLog,
	tape.Log1p: func(x *big.Float) *big.Float { return bigLog(number(0).Add(x, number(1))) },
	tape.Tanh: func(x *big.Float) *big.Float { // 1 - 2/(e²ˣ+1)
		e := bigExp(multiply(x, number(2)))
		q := number(0).Quo(number(2), e.Add(e, number(1)))
		return q.Sub(number(1), q)
	},
	tape.Sigmoid: func(x *big.Float) *big.Float {
		e := bigExp(number(0).Neg(x))
		return e.Quo(number(1), e.Add(e, number(1)))
	},
}

func accuracy[F float32 | float64](
	t *testing.T, fn tape.Fn, lo, hi, units, rounding float64, n int, exact func(x *big.Float) *big.Float,
) {
	r := rand.New(rand.NewPCG(1, uint64(fn)))
	xs := make([]F, n)
	for i := range xs {
		xs[i] = F(lo + (hi-lo)*r.Float64())
	}
	worst, at := 0., 0.
	for i, y := range apply(t, fn, xs) {
		x := float64(xs[i])
		var err, scale float64
		if exact != nil {
			want := exact(number(x))
			scale = math.Abs(float(want))
			err = math.Abs(float(want.Sub(want, number(float64(y)))))
		} else {
			want := formulas[fn](x, 0)
			scale, err = math.Abs(want), math.Abs(want-float64(y))
		}
		if fn == tape.Sin || fn == tape.Cos {
			scale = 1
		}
		if e := err / (2 * rounding * scale); e > worst || e != e {
			worst, at = e, x
		}
	}
	t.Logf("%-8v %T in [%g, %g]: %.2f units", fn, F(0), lo, hi, worst)
	if !(worst <= units) {
		t.Errorf("%v(%v) in %T is off by %.2f units, want %v", fn, at, F(0), worst, units)
	}
}

// Powers, which multiply the error of a logarithm by up to 700, err by 2e-15 at most.
func TestPowAccuracy(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var xs, ys []float64
	for range 300 {
		x := math.Exp(20 * r.NormFloat64())
		if r.IntN(2) == 0 {
			x = 1 + 0.1*r.NormFloat64()
		}
		xs, ys = append(xs, x), append(ys, 700*(2*r.Float64()-1)/math.Log(x))
	}
	worst := 0.
	for i, got := range apply(t, tape.Pow, xs, ys) {
		want := bigExp(multiply(number(ys[i]), bigLog(number(xs[i]))))
		scale := float(want)
		if e := math.Abs(float(want.Sub(want, number(got)))) / (0x1p-52 * scale); e > worst || e != e {
			worst = e
		}
	}
	t.Logf("pow: %.2f units", worst)
	if !(worst <= 9) {
		t.Errorf("pow is off by %.2f units, want 9", worst)
	}
}

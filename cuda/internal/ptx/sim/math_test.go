package sim_test

import (
	"math"
	"testing"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
	"github.com/unroll-ml/unroll/cuda/internal/ptx/sim"
	"github.com/unroll-ml/unroll/graph/tape"
)

// apply runs a function of the tape on the simulator, elementwise.
func apply[F float32 | float64](t testing.TB, fn tape.Fn, args ...[]F) []F {
	t.Helper()
	typ := ptx.F32
	if _, ok := any(F(0)).(float64); ok {
		typ = ptx.F64
	}
	f := kernel(t, func(b *ptx.Builder) {
		n := b.Param("n", ptx.S64)
		out := b.Pointer("out")
		var in []ptx.Value
		for _, name := range []string{"x", "y", "z"}[:len(args)] {
			in = append(in, b.Pointer(name))
		}
		b.GridStride(n, func(i ptx.Value) {
			var xs []ptx.Value
			for _, p := range in {
				xs = append(xs, b.Load(typ, b.At(p, i, typ.Size()), 0))
			}
			b.Store(b.At(out, i, typ.Size()), 0, b.Fn(fn, xs...))
		})
	})
	m := memory()
	n := len(args[0])
	ps := []uint64{uint64(n), upload(t, m, make([]F, n))}
	for _, a := range args {
		ps = append(ps, upload(t, m, a))
	}
	if _, err := f.Launch(&sim.Launch{Grid: line(4), Block: line(128), Args: ps, Memory: m}); err != nil {
		t.Fatal(err)
	}
	return download[F](t, m, ps[1], n)
}

// special are numbers at which functions of either type are likely to go wrong.
func special[F float32 | float64]() []F {
	smallest, normal, largest := math.SmallestNonzeroFloat64, 0x1p-1022, math.MaxFloat64
	if _, ok := any(F(0)).(float32); ok {
		smallest, normal, largest = math.SmallestNonzeroFloat32, 0x1p-126, math.MaxFloat32
	}
	xs := []F{0, F(smallest), F(3 * smallest), F(normal / 2), F(normal), 1e-30, 1e-10, 1e-5, 1e-3, 0.1, 0.3, 1. / 3,
		0.3465, 0.3466, 0.5, 0.66, 0.67,
		0.7, 0.7071, 0.7072, 0.999, 1 - 1e-6, 1, 1 + 1e-6, 1.001, 1.414, 1.4143, 1.5, math.Pi / 2, 2, 2.5, 3, math.Pi,
		4, 5, 8.7, 9.5, 10, 16, 17, 18, 20, 33, 38,
		50, 80, 86, 88, 88.8, 100, 103.9, 104, 700, 709.7, 709.8, 720, 745, 746, 1000, 12345.678, 1e5, 8388607.5,
		8388608, 1e9, 0x1p30, 1e19, 1e30,
		F(largest / 2), F(largest), F(math.Inf(1))}
	for _, x := range xs {
		xs = append(xs, -x)
	}
	return append(xs, F(math.NaN()))
}

// formulas are the functions that are approximated; their second argument is for pow.
var formulas = map[tape.Fn]func(x, y float64) float64{
	tape.Exp: func(x, _ float64) float64 {
		if x > 700 && x < 710 {
			return float(bigExp(number(x)))
		}
		return math.Exp(x)
	},
	tape.Expm1: func(x, _ float64) float64 { return math.Expm1(x) },
	tape.Log: func(x, _ float64) float64 {
		if x > 0 && x < 0x1p-1022 {
			return float(bigLog(number(x)))
		}
		return math.Log(x)
	},
	tape.Log1p:   func(x, _ float64) float64 { return math.Log1p(x) },
	tape.Sin:     func(x, _ float64) float64 { return math.Sin(x) },
	tape.Cos:     func(x, _ float64) float64 { return math.Cos(x) },
	tape.Tanh:    func(x, _ float64) float64 { return math.Tanh(x) },
	tape.Sigmoid: func(x, _ float64) float64 { return 1 / (1 + math.Exp(-x)) },
	tape.Pow: func(x, y float64) float64 {
		z := math.Pow(x, y)
		if a := math.Abs(x); a > 0 && a != 1 && a < math.Inf(1) && math.Abs(y) < math.Inf(1) && z != 0 &&
			math.Abs(z) < math.Inf(1) {
			return math.Copysign(float(bigExp(multiply(number(y), bigLog(number(a))))), z)
		}
		return z
	},
}

// short reports whether x is one of the numbers that a power treats in a way of its own.
func short(x float64) bool {
	return x != x || math.IsInf(x, 0) || math.Abs(x) <= 3 && math.Trunc(x) == x
}

func TestSpecialArguments(t *testing.T) {
	t.Run("f32", func(t *testing.T) { specialArguments[float32](t, 2e-6) })
	t.Run("f64", func(t *testing.T) { specialArguments[float64](t, 1e-13) })
}

func specialArguments[F float32 | float64](t *testing.T, tol float64) {
	for fn, formula := range formulas {
		if fn == tape.Pow && tol > 1e-12 {
			formula = math.Pow // which is good enough, and fast
		}
		xs := special[F]()
		args := [][]F{xs, make([]F, len(xs))}[:1]
		if fn == tape.Pow {
			var ps, qs []F
			for i, x := range xs {
				for j, y := range xs {
					if short(float64(x)) || short(float64(y)) || (i+j)%5 == 0 {
						ps, qs = append(ps, x), append(qs, y)
					}
				}
			}
			args = [][]F{ps, qs}
		}
		for i, got := range apply(t, fn, args...) {
			x, y := float64(args[0][i]), 0.
			if len(args) == 2 {
				y = float64(args[1][i])
			}
			got, want := float64(got), float64(F(formula(x, y)))
			if (fn == tape.Sin || fn == tape.Cos) && math.Abs(x) > 0x1p30 && !math.IsInf(x, 0) {
				if !(math.Abs(got) <= 1) {
					t.Errorf("%v(%v) = %v", fn, x, got)
				}
				continue
			}
			near := got == want || got != got && want != want ||
				!math.IsInf(want, 0) && math.Abs(got-want) <= tol*max(1, math.Abs(want))
			if !near || want == 0 && math.Signbit(got) != math.Signbit(want) {
				t.Errorf("%v(%v, %v) = %v, want %v", fn, x, y, got, want)
			}
		}
	}
}

package devicetest

import (
	"math"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

var fnChecks = []check{
	{"fn exact", "Id, Neg, Abs, Sign, Floor, Ceil, Sqrt, Add, Sub, Mul, Div, Max, Min and the comparisons are rounded as IEEE 754 says: special values, zeros and denormal numbers too", fnExact},
	{"fn accurate", "Exp, Log, Log1p, Expm1, Sin, Cos, Tanh, Sigmoid and Pow are within 2e-6 of the true value (Float32), absolute or relative, and map special values as package math does; Sin and Cos beyond ±2³⁰ need only stay in [-1, 1]", fnAccurate},
	{"fn where", "Where chooses y if x != 0, else z; the value not chosen has no effect, be it NaN", fnWhere},
	{"fn nullary", "Const is Value, Iota the index along its axis", fnNullary},
	{"fn int", "Int32 elements are converted to the tape's float type on load, and by truncation on store", fnInt},
}

// limits are the smallest denormal, the smallest normal and the largest number of a float type.
func limits(f tape.Dtype) (denormal, normal, largest float64) {
	if f == tape.Float32 {
		return math.SmallestNonzeroFloat32, 0x1p-126, math.MaxFloat32
	}
	return math.SmallestNonzeroFloat64, 0x1p-1022, math.MaxFloat64
}

// arguments are numbers of the float type at which functions are likely to go wrong, and some between.
func arguments(f tape.Dtype) []float64 {
	denormal, normal, largest := limits(f)
	xs := []float64{0, denormal, 3 * denormal, normal / 2, normal, 1e-30, 1e-10, 1e-5, 1e-3, 0.1, 0.3, 0.5, 0.7, 0.999, 1,
		1.001, 1.5, 2, 2.5, 3, math.Pi / 2, math.Pi,
		5, 8.7, 9.5, 17, 20, 33, 50, 80, 86, 100, 104, 700, 720, 750, 1000, 12345.678, 1e5, 8388607.5, 1e9, 0x1p30,
		1e19, 1e30, largest / 2, largest, math.Inf(1)}
	for i, x := range xs {
		xs[i] = round(f, x)
	}
	for _, x := range xs {
		xs = append(xs, -x) // -0 too
	}
	return append(xs, math.NaN(), math.Copysign(0, -1))
}

// pairs are all pairs of the numbers.
func pairs(of []float64) (xs, ys []float64) {
	for _, x := range of {
		for _, y := range of {
			xs, ys = append(xs, x), append(ys, y)
		}
	}
	return xs, ys
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// formula is a function in float64. One that is rounded there once and then to float32 gives the same number as
// computing in float32 (Figueroa, "When is double rounding innocuous?", 1995).
func formula(fn tape.Fn) func(x, y float64) float64 {
	return func(x, y float64) float64 { return fn.Of(x, y, 0) }
}

// ieee are the functions whose sign IEEE 754 defines for a zero.
var ieee = []tape.Fn{tape.Id, tape.Neg, tape.Abs, tape.Sqrt, tape.Add, tape.Sub, tape.Mul, tape.Div}

// fnRig applies fn to numbers, the same ones in two arrays of which one is turned by some places, so that each
// number goes through other lanes of a vector.
func fnRig(
	f tape.Dtype, fn tape.Fn, formula func(x, y float64) float64, tol func(x, want float64) float64,
) (*rig, [2]*array) {
	args := arguments(f)
	n := len(args)
	xs, ys := args, args
	if fn.Arity() == 2 {
		var some []float64 // of each sign
		for i := 0; i < n; i += 2 {
			some = append(some, args[i])
		}
		xs, ys = pairs(append(some, args[n-2:]...))
	}
	r := newRig(f)
	var outs [2]*array
	for turn := range outs {
		k := 5 * turn
		x, y := append(xs[k:len(xs):len(xs)], xs[:k]...), append(ys[k:len(ys):len(ys)], ys[:k]...)
		want, tols := make([]float64, len(x)), make([]float64, len(x))
		for i := range want {
			want[i] = round(f, formula(x[i], y[i]))
			tols[i] = tol(x[i], want[i])
		}
		out := r.out(len(x))
		out.expectWithin(want, tols)
		if fn.Arity() == 1 {
			r.emit(unary(fn, out.Ref, r.in(x).Ref, len(x)))
		} else {
			r.emit(binary(fn, out.Ref, r.in(x).Ref, r.in(y).Ref, len(x)))
		}
		outs[turn] = out
	}
	return r, outs
}

func fnExact(d tape.Device, f tape.Dtype) error {
	for _, fn := range tape.Fns() {
		if arity := fn.Arity(); !fn.Rounded() || arity < 1 || arity > 2 {
			continue
		}
		r, outs := fnRig(f, fn, formula(fn), func(x, want float64) float64 { return 0 })
		for _, out := range outs {
			out.zeros = slices.Contains(ieee, fn)
		}
		if err := r.runEach(d); err != nil {
			return errors.Wrapf(err, "%v", fn)
		}
	}
	return nil
}

func fnAccurate(d tape.Device, f tape.Dtype) error {
	for _, fn := range tape.Fns() {
		if fn.Rounded() {
			continue
		}
		periodic := fn == tape.Sin || fn == tape.Cos
		tol := func(x, want float64) float64 {
			if periodic && math.Abs(x) > 1<<30 {
				return 1
			}
			return fnTol(f) * max(1, math.Abs(want))
		}
		r, _ := fnRig(f, fn, func(x, y float64) float64 {
			if periodic && math.Abs(x) > 1<<30 && !math.IsInf(x, 0) {
				return 0 // ± 1
			}
			return fn.Of(x, y, 0)
		}, tol)
		if err := r.run(d); err != nil {
			return errors.Wrapf(err, "%v", fn)
		}
	}
	return nil
}

func fnWhere(d tape.Device, f tape.Dtype) error {
	denormal, _, _ := limits(f)
	nan, inf := math.NaN(), math.Inf(1)
	x := []float64{0, 1, math.Copysign(0, -1), -1, nan, denormal, inf, 0, 1, 0, 5}
	y := []float64{nan, 2, inf, 3, 4, 5, 6, -inf, 7, 8, nan}
	z := []float64{1, nan, 2, inf, nan, nan, -inf, 3, nan, nan, 4}
	want := []float64{1, 2, 2, 3, 4, 5, 6, 3, 7, nan, nan}
	for range 2 { // through the vector loop and its tail
		x, y, z, want = append(x, x...), append(y, y...), append(z, z...), append(want, want...)
	}
	n := len(x)
	r := newRig(f)
	out := r.out(n)
	out.expect(want)
	r.emit(&tape.Map{
		Shape: []int{n}, In: []tape.Operand{dense(r.in(x).Ref, n), dense(r.in(y).Ref, n), dense(r.in(z).Ref, n)},
		Code: []tape.Op{{Fn: tape.Where, Args: [3]int{0, 1, 2}}}, Result: []int{3}, Out: []tape.Operand{dense(out.Ref, n)},
	})
	return r.run(d)
}

func fnNullary(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	for _, v := range []float64{0, 1, 0.1, -1e-10, 16777217, math.Inf(-1), math.NaN()} {
		for _, n := range []int{1, 7, 33} {
			out := r.out(n)
			out.expect(slices.Repeat([]float64{round(f, v)}, n))
			r.emit(&tape.Map{Shape: []int{n}, Code: []tape.Op{{Fn: tape.Const, Value: v}}, Result: []int{0},
				Out: []tape.Operand{dense(out.Ref, n)}})
		}
	}
	for _, shape := range [][]int{{1}, {300}, {5, 7}, {3, 2, 19}, {2, 3, 1, 2, 5}} {
		for axis := range shape {
			n := size(shape)
			out := r.out(n)
			var want []float64
			each(shape, func(index []int) { want = append(want, float64(index[axis])) })
			out.expect(want)
			r.emit(&tape.Map{Shape: shape, Code: []tape.Op{{Fn: tape.Iota, Axis: axis}}, Result: []int{0},
				Out: []tape.Operand{dense(out.Ref, shape...)}})
		}
	}
	return r.runEach(d)
}

func fnInt(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	ints := []int{0, 1, -1, 2, 7, -100, 1 << 20, 1<<24 + 1, -(1<<24 + 3), math.MaxInt32, math.MinInt32, 33, -34, 35}
	x := r.ints(ints...)
	n := len(ints)
	asFloat := r.out(n)
	want := make([]float64, n)
	for i, v := range ints {
		want[i] = round(f, float64(v))
	}
	asFloat.expect(want)
	r.emit(unary(tape.Id, asFloat.Ref, x.Ref, n))

	reals := []float64{0, 0.9, -0.9, 2.5, -2.5, 3.999, -7, 1e6, 0x1p30, math.MinInt32, 16777216, 1e-40, -3.5}
	n = len(reals)
	asInt := r.outInts(n)
	want = make([]float64, n)
	for i, v := range reals {
		want[i] = math.Trunc(v)
	}
	asInt.expect(want)
	r.emit(unary(tape.Id, asInt.Ref, r.in(reals).Ref, n))

	// Through the float type: 7/2 is 3.5, stored as 3.
	half := r.outInts(3)
	half.expect([]float64{3, -3, 4})
	r.emit(&tape.Map{
		Shape: []int{3}, In: []tape.Operand{dense(r.ints(7, -7, 9).Ref, 3)},
		Code: []tape.Op{{Fn: tape.Const, Value: 0.5}, {Fn: tape.Mul, Args: [3]int{0, 1}}}, Result: []int{2},
		Out: []tape.Operand{dense(half.Ref, 3)},
	})
	return r.runEach(d)
}

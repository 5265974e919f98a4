package devicetest

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

var hostChecks = []check{
	{"host", "a Host function gets dense slices of the tape's types, reads what instructions before it wrote, and is read by those after it", hostArgs},
	{"host order", "a Host function is called once per step of its loops, in order, with moving operands", hostOrder},
	{"host error", "a Host function's error ends the run at once and is what Run gives", hostError},
	{"host load", "Load runs nothing", hostLoad},
}

// copyTo writes numbers to a host slice.
func copyTo(dst any, vals []float64) {
	switch dst := dst.(type) {
	case []float32:
		copy(dst, convert[float32](vals))
	case []float64:
		copy(dst, vals)
	case []int32:
		copy(dst, convert[int32](vals))
	}
}

func floats(ints []int) []float64 {
	xs := make([]float64, len(ints))
	for i, v := range ints {
		xs[i] = float64(v)
	}
	return xs
}

func hostArgs(d tape.Device, f tape.Dtype) error {
	const n = 12
	r := newRig(f)
	x, ints := r.in(r.rand(n)), r.ints(5, -6, 7)
	negative, fromHost, intsOut := r.temp(f, n), r.temp(f, n), r.outInts(3)
	out := r.out(n)
	want := make([]float64, n)
	for i := range want {
		want[i] = 2 * x.vals[i] // -(2 · -x)
	}
	out.expect(want)
	intsOut.expect([]float64{6, -5, 8})
	r.emit(
		unary(tape.Neg, negative.Ref, x.Ref, n),
		&tape.Host{
			Name: "double",
			In:   []tape.HostArg{{Ref: negative.Ref, Shape: []int{3, 4}}, {Ref: ints.Ref, Shape: []int{3}}},
			Out:  []tape.HostArg{{Ref: fromHost.Ref, Shape: []int{3, 4}}, {Ref: intsOut.Ref, Shape: []int{3, 1}}},
			Fn: func(out, in []any) error {
				types := fmt.Sprintf("%T %T %T %T", in[0], in[1], out[0], out[1])
				if want := map[tape.Dtype]string{tape.Float32: "[]float32 []int32 []float32 []int32",
					tape.Float64: "[]float64 []int32 []float64 []int32"}[f]; types != want {
					return errors.Errorf("arguments are %s, want %s", types, want)
				}
				for i, a := range []any{in[0], in[1], out[0], out[1]} {
					if got, want := len(unhost(a)), []int{n, 3, n, 3}[i]; got != want {
						return errors.Errorf("argument %d has %d elements, want %d", i, got, want)
					}
				}
				xs := unhost(in[0])
				for i := range xs {
					xs[i] *= 2
				}
				copyTo(out[0], xs)
				is := unhost(in[1])
				for i := range is {
					is[i]++
				}
				copyTo(out[1], is)
				return nil
			},
		},
		unary(tape.Neg, out.Ref, fromHost.Ref, n))
	return r.run(d)
}

func hostOrder(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	x := r.in([]float64{1, 2, 3, 4, 5, 6})
	var seen []float64
	r.emit(&tape.Loop{Trip: 3, Body: []tape.Instr{&tape.Loop{Trip: 2, Body: []tape.Instr{&tape.Host{
		Name: "see", In: []tape.HostArg{{Ref: x.at(4, -2, 1), Shape: []int{1}}},
		Fn: func(_, in []any) error {
			seen = append(seen, unhost(in[0])...)
			return nil
		},
	}}}}})
	if err := r.run(d); err != nil {
		return err
	}
	if want := []float64{5, 6, 3, 4, 1, 2, 5, 6, 3, 4, 1, 2}; !slices.Equal(seen, want) { // two runs
		return errors.Errorf("the function saw %v, want %v", seen, want)
	}
	return nil
}

func hostError(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	failure := errors.New("the disk is full")
	calls := 0
	fail := &tape.Host{Name: "fail", Fn: func(_, _ []any) error {
		if calls++; calls == 2 {
			return failure
		}
		return nil
	}}
	r.emit(&tape.Loop{Trip: 5, Body: []tape.Instr{fail}})
	p, err := d.Load(&r.tape)
	if err != nil {
		return errors.Wrap(err, "Load")
	}
	defer p.Close()
	if err := p.Run(); !errors.Is(err, failure) {
		return errors.Errorf("Run gives %v, want the function's error", err)
	}
	if calls != 2 {
		return errors.Errorf("the function was called %d times, want 2: the second call failed", calls)
	}
	return errors.Wrap(p.Run(), "the run after the error")
}

func hostLoad(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	calls := 0
	r.emit(&tape.Host{Name: "count", Fn: func(_, _ []any) error { calls++; return nil }})
	p, err := d.Load(&r.tape)
	if err != nil {
		return errors.Wrap(err, "Load")
	}
	if calls != 0 {
		return errors.New("Load has called the function of a Host")
	}
	return p.Close()
}

package devicetest

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

var allReduceChecks = []check{
	{"allreduce", "AllReduce gives its function, in place, the numbers that instructions before it wrote, in the tape's type, and what that makes of them is read by those after it", allReduceSums},
	{"allreduce when", "an AllReduce whose When is 0 calls no function, and its Out is its In", allReduceWhen},
	{"allreduce order", "AllReduces are called in the order of the tape", allReduceOrder},
	{"allreduce error", "an AllReduce's error ends the run at once and is what Run gives", allReduceError},
}

// doubled is the sum over two processes that have the same numbers.
func doubled(f tape.Dtype) func(any) error {
	return func(data any) error {
		if got, want := fmt.Sprintf("%T", data), map[tape.Dtype]string{tape.Float32: "[]float32",
			tape.Float64: "[]float64"}[f]; got != want {
			return errors.Errorf("the function gets %s, want %s", got, want)
		}
		xs := unhost(data)
		for i := range xs {
			xs[i] *= 2
		}
		copyTo(data, xs)
		return nil
	}
}

func allReduceSums(d tape.Device, f tape.Dtype) error {
	for _, inPlace := range []bool{true, false} {
		const n = 37
		r := newRig(f)
		x, one := r.in(r.rand(n)), r.in([]float64{1})
		negative, summed, out := r.temp(f, n), r.temp(f, n), r.out(n)
		if inPlace {
			summed = negative
		}
		want := make([]float64, n)
		for i := range want {
			want[i] = 2 * x.vals[i] // -(2 · -x)
		}
		out.expect(want)
		r.emit(
			unary(tape.Neg, negative.Ref, x.Ref, n),
			&tape.AllReduce{In: negative.Ref, Out: summed.Ref, When: one.Ref, N: n, Sum: doubled(f)},
			unary(tape.Neg, out.Ref, summed.Ref, n))
		if err := r.run(d); err != nil {
			return errors.Wrapf(err, "in place: %v", inPlace)
		}
	}
	return nil
}

func allReduceWhen(d tape.Device, f tape.Dtype) error {
	const n = 5
	r := newRig(f)
	x, zero, out := r.in(r.rand(n)), r.in([]float64{0}), r.out(n)
	out.expect(x.vals)
	r.emit(&tape.AllReduce{In: x.Ref, Out: out.Ref, When: zero.Ref, N: n,
		Sum: func(any) error { return errors.New("the function was called") }})
	return r.run(d)
}

func allReduceOrder(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	one := r.in([]float64{1})
	var seen []int
	for i := range 4 { // none reads what another writes
		r.emit(&tape.AllReduce{In: r.in([]float64{1, 2}).Ref, Out: r.temp(f, 2).Ref, When: one.Ref, N: 2,
			Sum: func(any) error { seen = append(seen, i); return nil }})
	}
	if err := r.run(d); err != nil {
		return err
	}
	if want := []int{0, 1, 2, 3, 0, 1, 2, 3}; !slices.Equal(seen, want) { // two runs
		return errors.Errorf("called in the order %v, want %v", seen, want)
	}
	return nil
}

func allReduceError(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	one, x := r.in([]float64{1}), r.in([]float64{1, 2})
	failure := errors.New("a process is gone")
	calls := 0
	for range 2 {
		r.emit(&tape.AllReduce{In: x.Ref, Out: r.temp(f, 2).Ref, When: one.Ref, N: 2,
			Sum: func(any) error { calls++; return failure }})
	}
	p, err := d.Load(&r.tape)
	if err != nil {
		return errors.Wrap(err, "Load")
	}
	defer p.Close()
	if err := p.Write(one.slot, one.data); err != nil {
		return errors.Wrap(err, "Write")
	}
	if err := p.Run(); !errors.Is(err, failure) {
		return errors.Errorf("Run gives %v, want the function's error", err)
	}
	if calls != 1 {
		return errors.Errorf("%d calls, want 1: the first has failed", calls)
	}
	return nil
}

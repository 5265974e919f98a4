package devicetest

import (
	"math"
	"slices"
	"sync"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

var slotChecks = []check{
	{"slots zero", "after Load every input and state is zero, even where a program before has left its data", slotsZero},
	{"slots keep", "inputs and states keep their contents from one run to the next, outputs until the next run", slotsKeep},
	{"slots copy", "Write and Read copy: the device keeps no slice of the host, and gives none away", slotsCopy},
	{"slots shapes", "a slot is dense from the first element of its buffer on; it may have any rank, or no elements", slotsShapes},
	{"programs apart", "the programs of a device share no memory, even if they share the tape", programsApart},
	{"programs concurrent", "a device may be used, and its programs run, by several goroutines", programsConcurrent},
}

// counter is a tape with an input x, a state s and an output y of n elements: s = s + x, y = -s.
func counter(f tape.Dtype, n int) *tape.Tape {
	r := newRig(f)
	for i, kind := range []tape.SlotKind{tape.Input, tape.State, tape.Output} {
		r.tape.Slots = append(r.tape.Slots, tape.Slot{Name: []string{"x", "s", "y"}[i], Kind: kind, Shape: []int{n},
			Buf: r.buffer(f, n)})
	}
	x, s, y := tape.Ref{Buf: 0}, tape.Ref{Buf: 1}, tape.Ref{Buf: 2}
	r.emit(binary(tape.Add, s, s, x, n), unary(tape.Neg, y, s, n))
	// Add in place: the state is both.
	return &r.tape
}

const counterX, counterS, counterY = tape.SlotID(0), tape.SlotID(1), tape.SlotID(2)

// expectSlot reads a slot, all of whose elements must be equal to want.
func expectSlot(p tape.Program, t *tape.Tape, s tape.SlotID, want float64) error {
	got := host(t.Dtype(s), make([]float64, size(t.Slots[s].Shape)))
	if err := p.Read(s, got); err != nil {
		return errors.Wrapf(err, "Read %q", t.Slots[s].Name)
	}
	for i, g := range unhost(got) {
		if g != want {
			return errors.Errorf("slot %q [%d] = %v, want %v", t.Slots[s].Name, i, g, want)
		}
	}
	return nil
}

// writeSlot sets all elements of a slot.
func writeSlot(p tape.Program, t *tape.Tape, s tape.SlotID, x float64) error {
	data := host(t.Dtype(s), slices.Repeat([]float64{x}, size(t.Slots[s].Shape)))
	return errors.Wrapf(p.Write(s, data), "Write %q", t.Slots[s].Name)
}

// steps runs functions up to the first error.
func steps(fs ...func() error) error {
	for i, f := range fs {
		if err := f(); err != nil {
			return errors.Wrapf(err, "step %d", i)
		}
	}
	return nil
}

func slotsZero(d tape.Device, f tape.Dtype) error {
	t := counter(f, 1000)
	for range 3 {
		p, err := d.Load(t)
		if err != nil {
			return errors.Wrap(err, "Load")
		}
		err = steps(
			func() error { return expectSlot(p, t, counterX, 0) },
			func() error { return expectSlot(p, t, counterS, 0) },
			p.Run,
			func() error { return expectSlot(p, t, counterS, 0) },
			func() error { return writeSlot(p, t, counterX, 3) },
			func() error { return writeSlot(p, t, counterS, 5) },
			p.Run,
			p.Close,
		)
		if err != nil {
			return err
		}
	}
	return nil
}

func slotsKeep(d tape.Device, f tape.Dtype) error {
	t := counter(f, 37)
	p, err := d.Load(t)
	if err != nil {
		return errors.Wrap(err, "Load")
	}
	defer p.Close()
	expect := func(x, s, y float64) func() error {
		return func() error {
			return steps(
				func() error { return expectSlot(p, t, counterX, x) },
				func() error { return expectSlot(p, t, counterS, s) },
				func() error { return expectSlot(p, t, counterY, y) },
			)
		}
	}
	return steps(
		func() error { return writeSlot(p, t, counterX, 2) },
		p.Run, expect(2, 2, -2), expect(2, 2, -2),
		p.Run, p.Run, expect(2, 6, -6),
		func() error { return writeSlot(p, t, counterX, 5) }, expect(5, 6, -6),
		p.Run, expect(5, 11, -11),
		func() error { return writeSlot(p, t, counterS, 1) }, expect(5, 1, -11),
		p.Run, expect(5, 6, -6),
	)
}

func slotsCopy(d tape.Device, f tape.Dtype) error {
	t := counter(f, 3)
	p, err := d.Load(t)
	if err != nil {
		return errors.Wrap(err, "Load")
	}
	defer p.Close()
	x, y := host(f, []float64{1, 2, 3}), host(f, make([]float64, 3))
	if err := p.Write(counterX, x); err != nil {
		return err
	}
	copyTo(x, []float64{7, 7, 7})
	if err := p.Run(); err != nil {
		return err
	}
	if err := p.Read(counterY, y); err != nil {
		return err
	}
	if got := unhost(y); !slices.Equal(got, []float64{-1, -2, -3}) {
		return errors.Errorf("y = %v after the host has changed the slice that it gave to Write, want [-1 -2 -3]", got)
	}
	if err := p.Run(); err != nil {
		return err
	}
	if got := unhost(y); !slices.Equal(got, []float64{-1, -2, -3}) {
		return errors.Errorf("the slice that Read has filled changes with the next run: %v", got)
	}
	copyTo(y, []float64{9, 9, 9})
	again := host(f, make([]float64, 3))
	if err := p.Read(counterY, again); err != nil {
		return err
	}
	if got := unhost(again); !slices.Equal(got, []float64{-2, -4, -6}) {
		return errors.Errorf("y = %v, want [-2 -4 -6]", got)
	}
	return nil
}

func slotsShapes(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	var want [][]float64
	for i, shape := range [][]int{{}, {0}, {3, 0, 2}, {1}, {2, 3, 4, 1, 2}, {7}} {
		dtype := f
		if i%2 == 1 {
			dtype = tape.Int32
		}
		n := size(shape)
		r.tape.Slots = append(r.tape.Slots, tape.Slot{Name: "slot", Kind: tape.State, Shape: shape,
			Buf: r.buffer(dtype, n+i%2*5)})
		vals := make([]float64, n)
		for k := range vals {
			vals[k] = float64(100*i + k)
		}
		want = append(want, vals)
	}
	p, err := d.Load(&r.tape)
	if err != nil {
		return errors.Wrap(err, "Load")
	}
	defer p.Close()
	for s, vals := range want {
		if err := p.Write(tape.SlotID(s), host(r.tape.Dtype(tape.SlotID(s)), vals)); err != nil {
			return errors.Wrapf(err, "Write of shape %v", r.tape.Slots[s].Shape)
		}
	}
	if err := p.Run(); err != nil {
		return errors.Wrap(err, "Run of an empty tape")
	}
	for s, vals := range want {
		got := host(r.tape.Dtype(tape.SlotID(s)), make([]float64, len(vals)))
		if err := p.Read(tape.SlotID(s), got); err != nil {
			return errors.Wrapf(err, "Read of shape %v", r.tape.Slots[s].Shape)
		}
		if !slices.Equal(unhost(got), vals) {
			return errors.Errorf("slot of shape %v holds %v, want %v", r.tape.Slots[s].Shape, got, vals)
		}
	}
	return nil
}

func programsApart(d tape.Device, f tape.Dtype) error {
	t := counter(f, 65)
	p, err := d.Load(t)
	if err != nil {
		return errors.Wrap(err, "Load")
	}
	defer p.Close()
	q, err := d.Load(t)
	if err != nil {
		return errors.Wrap(err, "Load")
	}
	return steps(
		func() error { return writeSlot(p, t, counterX, 1) },
		func() error { return writeSlot(q, t, counterX, 10) },
		p.Run, q.Run, p.Run,
		func() error { return expectSlot(p, t, counterS, 2) },
		func() error { return expectSlot(q, t, counterS, 10) },
		q.Close,
		p.Run,
		func() error { return expectSlot(p, t, counterS, 3) },
	)
}

func programsConcurrent(d tape.Device, f tape.Dtype) error {
	const programs = 4
	var group sync.WaitGroup
	errs := make([]error, programs)
	for k := range programs {
		group.Go(func() {
			r := newRig(f)
			productCase{batch: 2, m: 40 + k, n: 50, k: 30}.add(r, d)
			n := 20000 + k
			x, out := r.in(r.rand(n)), r.out(n)
			want := make([]float64, n)
			for i := range want {
				want[i] = math.Abs(x.vals[i])
			}
			out.expect(want)
			r.emit(unary(tape.Abs, out.Ref, x.Ref, n))
			for range 3 {
				if errs[k] = r.run(d); errs[k] != nil {
					return
				}
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

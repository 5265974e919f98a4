package side

import (
	"math"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/runlog"
	"github.com/unroll-ml/unroll/internal/work"
)

// Kernels measures every kind of instruction on each side, and calls each with the results, one by one.
func Kernels(sides []*Side, o Options, each func(Result) error) error {
	for _, k := range kernels {
		r := Result{Bench: "kernels", Kind: k.kind, Name: k.name}
		for _, s := range sides {
			t, err := k.measure(s, o)
			if err != nil {
				return errors.WithMessagef(err, "%s: %s %s", s.Name(), k.kind, k.name)
			}
			r.Times = append(r.Times, t)
		}
		r.finish()
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// Measure measures the ceilings of a side, each in the best of several runs.
func (s *Side) Measure(o Options) error {
	n, square := 1<<24, max(s.Square, 1)
	if o.Tiny {
		n, square = 1<<10, 8
	}
	moved, err := kernel{full: []int{n}, make: plainCopy}.time(s, o)
	if err != nil {
		return errors.WithMessagef(err, "%s: measuring how fast it copies", s.Name())
	}
	s.Copy = moved.GB * moved.Median / moved.Best
	if _, ok := s.Device.(launcher); ok {
		small, err := kernel{full: []int{64}, make: tanh, loop: true}.time(s, o)
		if err != nil {
			return errors.WithMessagef(err, "%s: measuring how fast it launches", s.Name())
		}
		s.Piece = small.Best
	}
	if s.Product = s.Peak; s.Product > 0 {
		return nil
	}
	k := product("", square, square, square, none)
	multiplied, err := k.time(s, o)
	if err != nil {
		return errors.WithMessagef(err, "%s: measuring how fast it multiplies", s.Name())
	}
	s.Product = multiplied.GFLOP * multiplied.Median / multiplied.Best
	return nil
}

// Check compares products and Maps with those of a reference device; the number is as in Time.Error.
func Check(d, oracle tape.Device) (worst float64, err error) {
	for _, k := range kernels {
		if k.kind != "product" && k.kind != "map" {
			continue
		}
		e, err := k.check(d, oracle)
		if err != nil {
			return 0, errors.WithMessagef(err, "%s: %s %s", d.Name(), k.kind, k.name)
		}
		worst = math.Max(worst, e)
	}
	return worst, nil
}

func (k kernel) measure(s *Side, o Options) (Time, error) {
	if o.Tiny {
		k.full = k.tiny
	}
	t, err := k.time(s, o)
	if err != nil {
		return t, err
	}
	e, err := k.check(s.Device, ref.New())
	t.Error = runlog.Float(e)
	return t, err
}

// subject is the kernel at these dimensions.
func (k kernel) subject(d []int) *subject {
	s := &subject{Tape: tape.Tape{Float: tape.Float32}}
	s.instr = k.make(s, d)
	s.probe = tape.SlotID(len(s.Slots))
	s.buffer("probe", tape.State, tape.Float32, 1, nil)
	return s
}

// load makes a program that does the instruction n times.
func (s *subject) load(d tape.Device, n int, loop bool) (tape.Program, error) {
	t := s.Tape
	if loop {
		t.Code = []tape.Instr{&tape.Loop{Trip: n, Body: []tape.Instr{s.instr}}}
	} else {
		for range n {
			t.Code = append(t.Code, s.instr)
		}
	}
	p, err := d.Load(&t)
	if err != nil {
		return nil, err
	}
	for i, data := range s.data {
		if data == nil {
			continue
		}
		if err := p.Write(tape.SlotID(i), data()); err != nil {
			p.Close()
			return nil, err
		}
	}
	return p, nil
}

// A program does as much as takes this long, so that what it takes to start it is little beside it; but not
// more than so many instructions.
const (
	enough = 3 * time.Millisecond
	most   = 200
)

// repeat is how many instructions take long enough, at least n, if each takes so many seconds.
func (k kernel) repeat(n int, seconds float64) int {
	return max(n, int(min(most, math.Ceil(enough.Seconds()/seconds))))
}

// time measures how long the instruction takes on a side.
func (k kernel) time(side *Side, o Options) (Time, error) {
	s := k.subject(k.full)
	t := Time{Device: side.Name()}
	once, err := s.times(side, 1, k.loop, 0)
	if err != nil {
		return t, err
	}
	n := k.repeat(1, once[0])
	if n > 1 { // what it takes to start was most of that one
		some, err := s.times(side, n, k.loop, 0)
		if err != nil {
			return t, err
		}
		n = k.repeat(n, some[0])
	}
	all, err := s.times(side, n, k.loop, o.Time)
	if err != nil {
		return t, err
	}
	t.set(all, work.Of(&s.Tape, s.instr), side.Ceilings)
	return t, nil
}

// A device is warm after so many runs: it may arrange things in the first two.
const warm = 3

// times are those of one instruction, in seconds, of runs that together take about d, at least one. A run has
// ended when a slot can be read.
func (s *subject) times(d tape.Device, n int, loop bool, about time.Duration) ([]float64, error) {
	p, err := s.load(d, n, loop)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	run := func() (time.Duration, error) {
		start := time.Now()
		if err := p.Run(); err != nil {
			return 0, err
		}
		err := s.wait(p)
		return time.Since(start), err
	}
	for range warm {
		if _, err := run(); err != nil {
			return nil, err
		}
	}
	var all []float64
	var last time.Duration
	for end := time.Now().Add(about); len(all) == 0 || time.Now().Add(last).Before(end); {
		if last, err = run(); err != nil {
			return nil, err
		}
		all = append(all, last.Seconds()/float64(n))
	}
	return all, nil
}

// wait waits for a run by reading the smallest of the slots, which no instruction touches: to read more would
// be timed with the run.
func (s *subject) wait(p tape.Program) error { return p.Read(s.probe, make([]float32, 1)) }

func zeros(t *tape.Tape, s tape.SlotID) any {
	n := t.Slots[s].Shape[0]
	if t.Dtype(s) == tape.Int32 {
		return make([]int32, n)
	}
	return make([]float32, n)
}

// check compares all that the instruction writes, when it is small, with a reference device.
func (k kernel) check(d, oracle tape.Device) (float64, error) {
	s := k.subject(k.tiny)
	got, err := s.results(d)
	if err != nil {
		return 0, err
	}
	want, err := s.results(oracle)
	if err != nil {
		return 0, err
	}
	worst := 0.0
	for i := range want {
		worst = math.Max(worst, difference(got[i], want[i]))
	}
	return worst, nil
}

// results are the contents of all slots after a run.
func (s *subject) results(d tape.Device) ([][]float64, error) {
	p, err := s.load(d, 1, false)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if err := p.Run(); err != nil {
		return nil, err
	}
	all := make([][]float64, len(s.Slots))
	for i := range s.Slots {
		data := zeros(&s.Tape, tape.SlotID(i))
		if err := p.Read(tape.SlotID(i), data); err != nil {
			return nil, err
		}
		switch data := data.(type) {
		case []float32:
			all[i] = wide(data)
		case []int32:
			all[i] = wide(data)
		}
	}
	return all, nil
}

func wide[T int32 | float32](xs []T) []float64 {
	ys := make([]float64, len(xs))
	for i, x := range xs {
		ys[i] = float64(x)
	}
	return ys
}

// difference is the largest between two arrays, relative to the largest number of want; NaN if there is one.
func difference(got, want []float64) float64 {
	worst, largest := 0.0, 0.0
	for i, w := range want {
		worst = math.Max(worst, math.Abs(got[i]-w)) // math.Max keeps NaN
		largest = math.Max(largest, math.Abs(w))
	}
	if worst == 0 {
		return 0
	}
	return worst / largest
}

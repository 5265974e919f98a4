package devicetest

import (
	"slices"
	"sync"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

// RunSharer tests the devices that d.Share gives: as Run does, and by what a tape.Sharer promises beside that.
// Where d breaks a rule, the failure says the rule in words.
func RunSharer(t *testing.T, d tape.Sharer, floats ...tape.Dtype) {
	if len(floats) == 0 {
		floats = []tape.Dtype{tape.Float32, tape.Float64}
	}
	t.Run("alone", func(t *testing.T) { Run(t, d.Share(nil), floats...) })
	for _, f := range floats {
		for _, c := range shareChecks {
			t.Run(f.String()+"/"+c.name, func(t *testing.T) {
				if err := c.run(d, f); err != nil {
					t.Errorf("%v\nthe rule: %s", err, c.rule)
				}
			})
		}
	}
}

var shareChecks = []shareCheck{
	{"common", "what one program or the host writes to a slot in common, the others read, whichever was loaded first", shareCommon},
	{"indices", "bad indices are found, whichever program they were written through", shareIndices},
	{"own", "slots that are not in common are each program's own, and keep their contents while others run", shareOwn},
	{"types", "a slot in common of another type or length is an error of Load, and does no harm", shareTypes},
	{"concurrent", "programs of several goroutines wait for each other", shareConcurrent},
}

// A shareCheck is one rule for devices that share.
type shareCheck struct {
	name string
	rule string
	run  func(d tape.Sharer, f tape.Dtype) error
}

// sharing is a family of programs.
type sharing struct {
	tape.Device
	open []tape.Program
}

func share(d tape.Sharer, common ...string) *sharing {
	names := map[string]bool{}
	for _, name := range common {
		names[name] = true
	}
	return &sharing{Device: d.Share(names)}
}

func (s *sharing) load(t *tape.Tape) (*shareProgram, error) {
	p, err := s.Load(t)
	if err != nil {
		return nil, errors.Wrap(err, "Load")
	}
	s.open = append(s.open, p)
	return &shareProgram{p, t}, nil
}

func (s *sharing) close() error {
	for _, p := range s.open {
		if err := p.Close(); err != nil {
			return errors.Wrap(err, "Close")
		}
	}
	return nil
}

// shareProgram is a program whose slots are found by name.
type shareProgram struct {
	tape.Program
	tape *tape.Tape
}

func (p *shareProgram) slot(name string) tape.SlotID {
	return tape.SlotID(slices.IndexFunc(p.tape.Slots, func(s tape.Slot) bool { return s.Name == name }))
}

func (p *shareProgram) set(name string, x float64) func() error {
	return func() error { return writeSlot(p, p.tape, p.slot(name), x) }
}

func (p *shareProgram) expect(name string, x float64) func() error {
	return func() error { return expectSlot(p, p.tape, p.slot(name), x) }
}

// side is that of the matrices of these tapes: large enough that a device may keep them packed.
const side = 48

// named adds a slot of the float type.
func (r *rig) named(name string, kind tape.SlotKind, dtype tape.Dtype, n int) tape.Ref {
	b := r.buffer(dtype, n)
	r.tape.Slots = append(r.tape.Slots, tape.Slot{Name: name, Kind: kind, Shape: []int{n}, Buf: b})
	return tape.Ref{Buf: b}
}

// learner is a tape that adds the input g to the state w, by way of some memory that it needs only meanwhile.
func learner(f tape.Dtype, memory int) *tape.Tape {
	const n = side * side
	r := newRig(f)
	g, w := r.named("g", tape.Input, f, n), r.named("w", tape.State, f, n)
	sum := r.temp(f, memory*n).at((memory - 1) * n)
	r.emit(binary(tape.Add, sum, w, g, n), &tape.Copy{Shape: []int{n}, In: dense(sum, n), Out: dense(w, n)})
	return &r.tape
}

// user is a tape that gives the output y = x·w of inputs x and w, and counts its runs in the state runs.
func user(f tape.Dtype) *tape.Tape {
	const n = side * side
	r := newRig(f)
	w, x, y := r.named("w", tape.Input, f, n), r.named("x", tape.Input, f, n), r.named("y", tape.Output, f, n)
	runs, z := r.named("runs", tape.State, f, 1), r.temp(f, n).ref()
	one := &tape.Map{Shape: []int{1}, In: []tape.Operand{dense(runs, 1)}, Out: []tape.Operand{dense(runs, 1)},
		Result: []int{2}}
	one.Code = []tape.Op{{Fn: tape.Const, Value: 1}, {Fn: tape.Add, Args: [3]int{0, 1}}}
	r.emit(
		&tape.Product{A: x, B: w, C: z, Batch: 1, M: side, N: side, K: side, LdA: side, LdB: side, LdC: side},
		&tape.Copy{Shape: []int{n}, In: dense(z, n), Out: dense(y, n)}, one,
	)
	return &r.tape
}

func shareCommon(d tape.Sharer, f tape.Dtype) error {
	s := share(d, "w", "y") // y is an output, which is never in common
	first, err := s.load(user(f))
	if err != nil {
		return err
	}
	small, err := s.load(learner(f, 1))
	if err != nil {
		return err
	}
	err = steps(
		first.set("x", 1), small.set("w", 2), first.Run, first.expect("y", 2*side), first.expect("w", 2),
		small.set("g", 3), small.Run, small.Run, first.Run, first.expect("y", 8*side),
		first.set("w", 1), small.Run, small.expect("w", 4), first.Run, first.Run, first.Run, first.expect("y", 4*side),
	)
	if err != nil {
		return err
	}
	large, err := s.load(learner(f, 100)) // needs more memory than all before
	if err != nil {
		return err
	}
	last, err := s.load(user(f))
	if err != nil {
		return err
	}
	return steps(
		large.expect("w", 4), first.expect("y", 4*side),
		large.set("g", -1), large.Run, small.Run, small.expect("w", 6), // each has its own g
		last.set("x", -1), last.Run, last.expect("y", -6*side), first.Run, first.expect("y", 6*side),
		first.expect("runs", 6), last.expect("runs", 1),
		large.Close, small.Close, last.set("w", 5), first.Run, first.expect("y", 5*side),
		first.Close, last.Close,
	)
}

func shareIndices(d tape.Sharer, f tape.Dtype) error {
	const rows = 4
	gather := func() *tape.Tape {
		r := newRig(f)
		index, table, out := r.named("index", tape.Input, tape.Int32, 1), r.named("table", tape.State, f, rows),
			r.named("out", tape.Output, f, 1)
		r.emit(&tape.Gather{Out: out, Table: table, Index: index, N: 1, Width: 1, Rows: rows})
		return &r.tape
	}
	s := share(d, "index")
	one, err := s.load(gather())
	if err != nil {
		return err
	}
	two, err := s.load(gather())
	if err != nil {
		return err
	}
	refused := func() error {
		var bad *tape.IndexError
		if err := one.Run(); !errors.As(err, &bad) || bad.Index != rows || bad.Rows != rows {
			return errors.Errorf("Run with index %d of %d rows, written through another program, gives %v", rows, rows, err)
		}
		return nil
	}
	return steps(
		one.set("table", 3), two.set("table", 5), one.set("index", 1), one.Run, one.expect("out", 3),
		two.set("index", rows), refused, two.set("index", rows-1), one.Run, two.Run, two.expect("out", 5), s.close,
	)
}

func shareOwn(d tape.Sharer, f tape.Dtype) error {
	s := share(d)
	var all []*shareProgram
	for range 3 {
		p, err := s.load(learner(f, 2))
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	for k, p := range all {
		if err := steps(p.expect("w", 0), p.set("w", float64(10*k)), p.set("g", 1)); err != nil {
			return err
		}
	}
	for range 3 {
		for _, p := range all {
			if err := p.Run(); err != nil {
				return errors.Wrap(err, "Run")
			}
		}
	}
	for k, p := range all {
		if err := p.expect("w", float64(10*k+3))(); err != nil {
			return err
		}
	}
	return s.close()
}

func shareTypes(d tape.Sharer, f tape.Dtype) error {
	s := share(d, "w")
	p, err := s.load(learner(f, 1))
	if err != nil {
		return err
	}
	if err := steps(p.set("w", 1), p.set("g", 2)); err != nil {
		return err
	}
	other := tape.Float32
	if f == other {
		other = tape.Float64
	}
	short, typed := learner(f, 1), learner(other, 1)
	short.Slots[1].Shape = []int{side}
	short.Buffers[1].Len = side
	short.Code = nil
	for name, t := range map[string]*tape.Tape{"another length": short, "another type": typed} {
		if _, err := s.Load(t); err == nil {
			return errors.Errorf("Load of a tape whose slot in common has %s gives no error", name)
		}
	}
	return steps(p.Run, p.expect("w", 3), s.close)
}

func shareConcurrent(d tape.Sharer, f tape.Dtype) error {
	const programs, runs = 4, 20
	s := share(d)
	var all sync.WaitGroup
	errs := make([]error, programs)
	for k := range programs {
		p, err := s.load(learner(f, 2+k))
		if err != nil {
			return err
		}
		all.Go(func() {
			if errs[k] = p.set("g", float64(k))(); errs[k] != nil {
				return
			}
			for range runs {
				if errs[k] = p.Run(); errs[k] != nil {
					return
				}
			}
			errs[k] = p.expect("w", float64(k*runs))()
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return s.close()
}

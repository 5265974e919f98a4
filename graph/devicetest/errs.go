package devicetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

var errorChecks = []check{
	{"errors slots", "Write and Read of another type, another length or an unknown slot, and Write of an output, are errors that name the slot and change nothing", slotErrors},
	{"errors closed", "after Close the other methods are errors; closing twice is not", closedErrors},
	{"errors unsupported", "a tape with an instruction that the device cannot run gives an *UnsupportedError with the device's name and the instruction, never a panic", unsupportedErrors},
	{"errors malformed", "a tape that breaks the rules is an error of Load, never a panic", malformedErrors},
}

func slotErrors(d tape.Device, f tape.Dtype) error {
	t := counter(f, 3)
	p, err := d.Load(t)
	if err != nil {
		return errors.Wrap(err, "Load")
	}
	defer p.Close()
	for s, x := range []float64{5, 6} {
		if err := writeSlot(p, t, tape.SlotID(s), x); err != nil {
			return err
		}
	}
	type bad struct {
		slot tape.SlotID
		data any
	}
	other := tape.Float32
	if f == other {
		other = tape.Float64
	}
	var bads []bad
	for s := range t.Slots {
		for _, data := range []any{
			host(f, make([]float64, 2)), host(f, make([]float64, 4)), host(f, nil), host(other, make([]float64, 3)),
			make([]int32, 3), make([]int, 3),
			nil, 1.5, [3]float32{}, &[3]float64{}, [][]float32{{1, 2, 3}}, "abc",
		} {
			bads = append(bads, bad{tape.SlotID(s), data})
		}
	}
	named := func(err error, slot tape.SlotID) bool {
		return slot < 0 || int(slot) >= len(t.Slots) || strings.Contains(err.Error(), fmt.Sprintf("%q", t.Slots[slot].Name))
	}
	good := host(f, make([]float64, 3))
	for _, b := range append(bads, bad{-1, good}, bad{3, good}) {
		for name, method := range map[string]func(tape.SlotID, any) error{"Write": p.Write, "Read": p.Read} {
			switch err := method(b.slot, b.data); {
			case err == nil:
				return errors.Errorf("%s of slot %d with %T %v is no error", name, b.slot, b.data, b.data)
			case !named(err, b.slot):
				return errors.Errorf("the error of %s does not name slot %q: %v", name, t.Slots[b.slot].Name, err)
			}
		}
	}
	switch err := p.Write(counterY, good); {
	case err == nil:
		return errors.New("Write of an output is no error")
	case !named(err, counterY):
		return errors.Errorf("the error of Write does not name slot %q: %v", t.Slots[counterY].Name, err)
	}
	return steps(
		func() error { return expectSlot(p, t, counterX, 5) },
		func() error { return expectSlot(p, t, counterS, 6) },
		p.Run,
		func() error { return expectSlot(p, t, counterY, -11) },
	)
}

func closedErrors(d tape.Device, f tape.Dtype) error {
	t := counter(f, 3)
	p, err := d.Load(t)
	if err != nil {
		return errors.Wrap(err, "Load")
	}
	if err := steps(p.Run, p.Close, p.Close); err != nil {
		return err
	}
	data := host(f, make([]float64, 3))
	for name, err := range map[string]error{
		"Write": p.Write(counterX, data),
		"Read":  p.Read(counterY, data),
		"Run":   p.Run(),
	} {
		if err == nil {
			return errors.Errorf("%s after Close is no error", name)
		}
	}
	return p.Close()
}

// strange is an instruction that no device knows.
type strange struct{ *tape.Copy }

func (strange) String() string { return "a strange thing" }

// load is what Load panics with and the error that it gives.
func load(d tape.Device, t *tape.Tape) (panicked any, err error) {
	defer func() { panicked = recover() }()
	_, err = d.Load(t)
	return nil, err
}

func unsupportedErrors(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	x, y := r.in(r.rand(4)), r.out(4)
	unknown := []tape.Instr{
		strange{&tape.Copy{Shape: []int{4}, In: dense(x.Ref, 4), Out: dense(y.Ref, 4)}},
		unary(tape.Fn(200), y.Ref, x.Ref, 4),
		&tape.Rows{Kind: tape.RowsKind(100), In: []tape.Ref{x.Ref}, Out: y.Ref, Rows: 2, Cols: 2},
		&tape.Reduce{Fn: tape.ReduceFn(100), In: x.Ref, Out: y.Ref, Outer: 2, N: 2, Inner: 1},
	}
	for i, in := range unknown {
		for _, code := range [][]tape.Instr{{in}, {&tape.Loop{Trip: 2, Body: []tape.Instr{in}}}} {
			r.tape.Code = code
			panicked, err := load(d, &r.tape)
			var u *tape.UnsupportedError
			switch {
			case panicked != nil:
				return errors.Errorf("Load of an unknown instruction (%T, %d) panics: %v", in, i, panicked)
			case !errors.As(err, &u):
				return errors.Errorf("Load of an unknown instruction (%T, %d) gives %v", in, i, err)
			case u.Device != d.Name() || u.Instr == "" || u.Why == "":
				return errors.Errorf("the error of device %q is %+v", d.Name(), *u)
			case i == 0 && !strings.Contains(u.Instr, "a strange thing"):
				return errors.Errorf("the error does not name the instruction: %v", u)
			}
		}
	}
	return nil
}

// malformedErrors tries one tape for each kind of rule; the test of tape.Verify has all of them.
func malformedErrors(d tape.Device, f tape.Dtype) error {
	broken := map[string]func(t *tape.Tape){
		"a buffer outside of the arena": func(t *tape.Tape) { t.Buffers[2].Offset = t.Arena },
		"a buffer that is not aligned":  func(t *tape.Tape) { t.Buffers[2].Offset += 4 },
		"a slot without a buffer":       func(t *tape.Tape) { t.Slots[0].Buf = 17 },
		"an operand outside of its buffer": func(t *tape.Tape) {
			t.Code = append(t.Code, unary(tape.Neg, tape.Ref{Buf: 2}, tape.Ref{Buf: 1, Off: 1}, 3))
		},
		"an operand that a loop moves out of its buffer": func(t *tape.Tape) {
			t.Code = append(t.Code, &tape.Loop{Trip: 4,
				Body: []tape.Instr{unary(tape.Neg, tape.Ref{Buf: 2}, tape.Ref{Buf: 1, Off: 2, Step: []int{-1}}, 1)}})
		},
		"an operand of the wrong type": func(t *tape.Tape) {
			t.Code = append(t.Code, &tape.Gather{Table: tape.Ref{Buf: 0}, Index: tape.Ref{Buf: 1}, Out: tape.Ref{Buf: 2}, N: 1,
				Width: 1, Rows: 1})
		},
		"a register that is never written": func(t *tape.Tape) {
			m := unary(tape.Neg, tape.Ref{Buf: 2}, tape.Ref{Buf: 1}, 3)
			m.Result[0] = 2
			t.Code = append(t.Code, m)
		},
		"nil": func(t *tape.Tape) { t.Code = append(t.Code, nil) },
	}
	for _, name := range slices.Sorted(maps.Keys(broken)) {
		t := counter(f, 3)
		broken[name](t)
		panicked, err := load(d, t)
		if panicked != nil {
			return errors.Errorf("Load of a tape with %s panics: %v", name, panicked)
		}
		if err == nil {
			return errors.Errorf("Load of a tape with %s is no error", name)
		}
	}
	return nil
}

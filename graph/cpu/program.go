package cpu

import (
	"unsafe"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

// A step is an instruction made ready. It holds whatever is known before the first run, and room for what is not.
type step interface {
	run(m *machine) error
}

// A machine is the memory and the threads that the steps of one program share.
type machine struct {
	at      []unsafe.Pointer // of each buffer
	steps   []int            // where the enclosing loops stand, outermost first
	team    *team
	scratch [][]byte  // of each member
	written []*uint64 // by buffer: how often the host, or another program, has written it
}

// scratchOf is n elements of a member's scratch memory, from the given byte on.
func scratchOf[T any](m *machine, member, from, n int) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(m.scratch[member][from:]))), n)
}

// program implements tape.Program.
type program struct {
	tape   *tape.Tape
	code   []step
	m      *machine // nil when closed
	family *family  // nil: its memory is its own
	work   *work    // in the family's memory
	base   unsafe.Pointer
	taken  []commonPack // of the family's packed operands
	common []*uint64    // what counts the writes of the states that it has in common with others
}

var errClosed = errors.New("cpu: the program is closed; load the tape again to run it")

func (p *program) Run() error {
	if p.m == nil {
		return errClosed
	}
	if p.family != nil {
		p.family.Lock()
		defer p.family.Unlock()
		p.enter()
	}
	return runAll(p.m, p.code)
}

func runAll(m *machine, code []step) error {
	for _, s := range code {
		if err := s.run(m); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) Write(s tape.SlotID, data any) error {
	if err := p.check("write", s); err != nil {
		return err
	}
	slot := &p.tape.Slots[s]
	if slot.Kind == tape.Output {
		return errors.Errorf("cpu: write of slot %q: it is an output, which only the tape writes", slot.Name)
	}
	if p.family != nil {
		p.family.Lock()
		defer p.family.Unlock()
	}
	*p.m.written[slot.Buf]++
	return p.transfer("write", s, data, true)
}

func (p *program) Read(s tape.SlotID, data any) error {
	if err := p.check("read", s); err != nil {
		return err
	}
	if p.family != nil {
		p.family.Lock()
		defer p.family.Unlock()
	}
	return p.transfer("read", s, data, false)
}

func (p *program) check(verb string, s tape.SlotID) error {
	if p.m == nil {
		return errClosed
	}
	if s < 0 || int(s) >= len(p.tape.Slots) {
		return errors.Errorf("cpu: %s of slot %d: the tape has %d slots", verb, s, len(p.tape.Slots))
	}
	return nil
}

// transfer copies between data and the slot's memory.
func (p *program) transfer(verb string, s tape.SlotID, data any, in bool) error {
	slot := &p.tape.Slots[s]
	buf := &p.tape.Buffers[slot.Buf]
	n := 1
	for _, d := range slot.Shape {
		n *= d
	}
	memory := p.m.at[slot.Buf]
	var got int
	var ok bool
	switch data := data.(type) {
	case []float32:
		got, ok = move(data, memory, n, in, buf.Dtype == tape.Float32)
	case []float64:
		got, ok = move(data, memory, n, in, buf.Dtype == tape.Float64)
	case []int32:
		got, ok = move(data, memory, n, in, buf.Dtype == tape.Int32)
	default:
		got = -1
	}
	switch {
	case ok:
		return nil
	case got < 0:
		return errors.Errorf("cpu: %s of slot %q: the data is %T, the slot holds %v%v; pass a slice of that type", verb,
			slot.Name, data, buf.Dtype, slot.Shape)
	}
	return errors.Errorf("cpu: %s of slot %q: the data has %d elements, the slot %v%v has %d", verb, slot.Name, got,
		buf.Dtype, slot.Shape, n)
}

// move copies n elements if the types and the lengths agree; otherwise it returns the length of data, or -1 if
// the types differ.
func move[T any](data []T, memory unsafe.Pointer, n int, in, sameType bool) (got int, ok bool) {
	if !sameType {
		return -1, false
	}
	if len(data) != n {
		return len(data), false
	}
	slot := unsafe.Slice((*T)(memory), n)
	if in {
		copy(slot, data)
	} else {
		copy(data, slot)
	}
	return n, true
}

func (p *program) Close() error {
	if p.m == nil {
		return nil
	}
	p.m.team.stop()
	p.family.release(p.taken)
	*p = program{}
	return nil
}

// loop is a tape.Loop.
type loop struct {
	depth, trip int
	body        []step
}

func (l *loop) run(m *machine) error {
	if l.depth == 0 {
		m.team.inLoop.Store(true)
		defer m.team.inLoop.Store(false)
	}
	for s := range l.trip {
		m.steps[l.depth] = s
		if err := runAll(m, l.body); err != nil {
			return err
		}
	}
	return nil
}

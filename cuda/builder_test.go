package cuda_test

import (
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/tape"
)

// builder makes up a tape, buffer by buffer.
type builder struct {
	tape.Tape
}

// buffer adds a buffer of n elements; it is a slot of the given name unless that is "".
func (b *builder) buffer(name string, kind tape.SlotKind, dtype tape.Dtype, n int) tape.Ref {
	id := tape.BufferID(len(b.Buffers))
	b.Buffers = append(b.Buffers, tape.Buffer{Dtype: dtype, Len: n, Offset: b.Arena})
	b.Arena += int64(n*dtype.Size()+tape.Align-1) / tape.Align * tape.Align
	if name != "" {
		b.Slots = append(b.Slots, tape.Slot{Name: name, Kind: kind, Shape: []int{n}, Buf: id})
	}
	return tape.Ref{Buf: id}
}

func (b *builder) floats(name string, kind tape.SlotKind, n int) tape.Ref {
	return b.buffer(name, kind, b.Float, n)
}

func (b *builder) emit(code ...tape.Instr) { b.Code = append(b.Code, code...) }

// id is the slot of a name.
func (b *builder) id(name string) tape.SlotID {
	for i, s := range b.Slots {
		if s.Name == name {
			return tape.SlotID(i)
		}
	}
	panic("no slot " + name)
}

// moved is a place that moves with the steps of loops.
func moved(r tape.Ref, off int, step ...int) tape.Ref {
	r.Off, r.Step = r.Off+off, step
	return r
}

func flat(r tape.Ref) tape.Operand { return tape.Operand{Ref: r, Strides: []int{1}} }

// add is out = x + y over n elements.
func add(out, x, y tape.Ref, n int) *tape.Map {
	return &tape.Map{
		Shape: []int{n}, In: []tape.Operand{flat(x), flat(y)}, Out: []tape.Operand{flat(out)},
		Code: []tape.Op{{Fn: tape.Add, Args: [3]int{0, 1}}}, Result: []int{2},
	}
}

// open loads the tape on a GPU of its own. Everything must have been given back in the end.
func (b *builder) open(t *testing.T, c sim.Config, opts ...cuda.Option) (tape.Program, *sim.GPU) {
	t.Helper()
	gpu := sim.New(c)
	d := cuda.New(gpu, opts...)
	p, err := d.Load(&b.Tape)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Close()
		d.Close()
		if err := gpu.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, gpu
}

func write(t *testing.T, p tape.Program, s tape.SlotID, data any) {
	t.Helper()
	if err := p.Write(s, data); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, p tape.Program) {
	t.Helper()
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, p tape.Program, s tape.SlotID, n int) []float32 {
	t.Helper()
	x := make([]float32, n)
	if err := p.Read(s, x); err != nil {
		t.Fatal(err)
	}
	return x
}

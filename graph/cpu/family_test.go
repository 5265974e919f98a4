package cpu

import (
	"testing"
	"unsafe"

	"github.com/unroll-ml/unroll/graph/tape"
)

const side = 48 // of the matrices of these tests: large enough that a product packs them

// named adds a slot.
func (b *builder) named(name string, kind tape.SlotKind, n int) tape.Ref {
	r := b.buffer(kind, n)
	b.Slots[len(b.Slots)-1].Name = name
	return r
}

// temporary adds a buffer that is no slot.
func (b *builder) temporary(n int) tape.Ref {
	id := tape.BufferID(len(b.Buffers))
	b.Buffers = append(b.Buffers, tape.Buffer{Len: n, Offset: b.Arena})
	b.Arena += int64(roundUp(4*n, tape.Align))
	return tape.Ref{Buf: id}
}

// learner is a tape that adds the input "g" to the state "w", by way of a large temporary.
func learner() *builder {
	const n = side * side
	b := &builder{}
	g, w := b.named("g", tape.Input, n), b.named("w", tape.State, n)
	sum := b.temporary(100 * n)
	sum.Off = 99 * n
	b.emit(
		&tape.Map{
			Shape: []int{n}, In: []tape.Operand{dense(w, n), dense(g, n)}, Code: []tape.Op{{Fn: tape.Add, Args: [3]int{0, 1}}},
			Result: []int{2}, Out: []tape.Operand{dense(sum, n)},
		},
		&tape.Copy{Shape: []int{n}, In: dense(sum, n), Out: dense(w, n)},
	)
	return b
}

// user is a tape that gives the output "y", the input "x" times the input "w", by way of a temporary.
func user() *builder {
	b := &builder{}
	w, x, y := b.named("w", tape.Input, side*side), b.named("x", tape.Input, side*side),
		b.named("y", tape.Output, side*side)
	z := b.temporary(side * side)
	b.emit(
		&tape.Product{A: x, B: w, C: z, Batch: 1, M: side, N: side, K: side, LdA: side, LdB: side, LdC: side},
		&tape.Copy{Shape: []int{side * side}, In: dense(z, side*side), Out: dense(y, side*side)},
	)
	return b
}

func mustLoad(t *testing.T, d tape.Device, b *builder) tape.Program {
	t.Helper()
	p, err := d.Load(&b.Tape)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// The memory of a tape whose slots have a buffer over them cannot be shared.
func TestNotSeparable(t *testing.T) {
	over := user()
	over.Buffers[3].Offset = 0
	if _, err := New(Threads(1)).(tape.Sharer).Share(nil).Load(&over.Tape); err == nil {
		t.Error("a slot has a buffer over it")
	}
}

// Two programs need the memory of one of them.
func TestSharedBlock(t *testing.T) {
	d := New(Threads(1)).(tape.Sharer).Share(nil)
	var blocks []int
	for _, b := range []*builder{user(), learner(), learner(), user()} {
		mustLoad(t, d, b)
		blocks = append(blocks, len(d.(*device).family.block))
	}
	if large := 100 * side * side * int(unsafe.Sizeof(float32(0))); blocks[0] > large/10 || blocks[1] < large ||
		blocks[1] > large+blocks[0] || blocks[3] != blocks[1] {
		t.Errorf("after each load the block has %v bytes", blocks)
	}
}

package cpu

import (
	"slices"
	"sync"
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
	w, x, y := b.named("w", tape.Input, side*side), b.named("x", tape.Input, side*side), b.named("y", tape.Output, side*side)
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

func mustRun(t *testing.T, p tape.Program) {
	t.Helper()
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
}

func mustWrite(t *testing.T, p tape.Program, s tape.SlotID, data []float32) {
	t.Helper()
	if err := p.Write(s, data); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t *testing.T, p tape.Program, s tape.SlotID) []float32 {
	t.Helper()
	data := make([]float32, side*side)
	if err := p.Read(s, data); err != nil {
		t.Fatal(err)
	}
	return data
}

// pattern is integers below 7 in magnitude, on which float32 is exact.
func pattern(seed int) []float32 {
	x := make([]float32, side*side)
	for i := range x {
		x[i] = float32((i*seed+i/side)%13 - 6)
	}
	return x
}

// What programs have in common is one, whoever writes it, and however well a product has packed it.
func TestCommonSlots(t *testing.T) {
	d := New(Threads(2)).(tape.Sharer).Share(map[string]bool{"w": true, "y": true})
	learn, use := mustLoad(t, d, learner()), mustLoad(t, d, user())
	w, g, x := pattern(3), pattern(5), pattern(7)
	mustWrite(t, learn, 1, w)
	mustWrite(t, learn, 0, g)
	mustWrite(t, use, 1, x)
	check := func(what string, use tape.Program) {
		t.Helper()
		mustRun(t, use)
		want := make([]float32, side*side)
		for i := range side {
			for j := range side {
				for k := range side {
					want[i*side+j] += x[i*side+k] * w[k*side+j]
				}
			}
		}
		if got := mustRead(t, use, 2); !slices.Equal(got, want) {
			t.Errorf("%s: y is %v ..., want %v ...", what, got[:4], want[:4])
		}
		if got := mustRead(t, learn, 1); !slices.Equal(got, w) {
			t.Errorf("%s: w is %v ..., want %v ...", what, got[:4], w[:4])
		}
	}
	check("written by the host", use)
	for range 2 {
		mustRun(t, learn)
		for i := range w {
			w[i] += g[i]
		}
		check("after a step", use)
	}
	w = pattern(11)
	mustWrite(t, use, 0, w)
	check("written through the user", use)
	third := mustLoad(t, d, user())
	mustWrite(t, third, 1, x)
	check("after another load", third)
	if err := learn.Close(); err != nil {
		t.Fatal(err)
	}
	mustRun(t, third)

	other := user()
	other.Slots[0].Shape, other.Buffers[0].Len = []int{side}, side
	if _, err := d.Load(&other.Tape); err == nil {
		t.Error("a slot in common has two sizes")
	}
	over := user()
	over.Buffers[3].Offset = 0
	if _, err := d.Load(&over.Tape); err == nil {
		t.Error("a slot in common has a buffer over it")
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
	if large := 100 * side * side * int(unsafe.Sizeof(float32(0))); blocks[0] > large/10 || blocks[1] < large || blocks[1] > large+blocks[0] || blocks[3] != blocks[1] {
		t.Errorf("after each load the block has %v bytes", blocks)
	}
}

// Programs of several goroutines wait for each other.
func TestSharedBlockIsNotUsedTwice(t *testing.T) {
	d := New(Threads(1)).(tape.Sharer).Share(nil)
	var all sync.WaitGroup
	for k := range 4 {
		p := mustLoad(t, d, learner())
		g := pattern(k + 2)
		mustWrite(t, p, 0, g)
		all.Go(func() {
			want := make([]float32, len(g))
			for range 50 {
				if err := p.Run(); err != nil {
					t.Error(err)
				}
				for i := range want {
					want[i] += g[i]
				}
			}
			got := make([]float32, len(g))
			if err := p.Read(1, got); err != nil || !slices.Equal(got, want) {
				t.Errorf("program %d: w is %v ..., want %v ... (%v)", k, got[:4], want[:4], err)
			}
		})
	}
	all.Wait()
}

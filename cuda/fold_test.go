package cuda_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/tape"
)

// squares is the square of n numbers, and their sum.
func squares(out, tmp, x tape.Ref, n int) []tape.Instr {
	return []tape.Instr{
		&tape.Map{Shape: []int{n}, In: []tape.Operand{flat(x)}, Code: []tape.Op{{Fn: tape.Mul}}, Result: []int{1}, Out: []tape.Operand{flat(tmp)}},
		&tape.Reduce{In: tmp, Out: out, Outer: 1, N: n, Inner: 1},
	}
}

// The sums of the squares of many arrays are two launches, though their squares lie in the same memory, where
// they would have to wait for each other.
func TestFold(t *testing.T) {
	b := &builder{}
	sizes := []int{8, 3000, 40, 10000, 7, 5}
	var xs, outs []tape.Ref
	for i, n := range sizes {
		xs = append(xs, b.floats(fmt.Sprintf("x%d", i), tape.State, n))
		outs = append(outs, b.floats(fmt.Sprintf("out%d", i), tape.Output, 1))
	}
	shared := b.floats("", 0, 10000)
	for i, n := range sizes {
		tmp := b.floats("", 0, n)
		b.Buffers[tmp.Buf].Offset = b.Buffers[shared.Buf].Offset
		b.emit(squares(outs[i], tmp, xs[i], n)...)
	}
	p, gpu := b.open(t, sim.Config{})
	for i, n := range sizes {
		write(t, p, b.id(fmt.Sprintf("x%d", i)), slices.Repeat([]float32{float32(i + 1)}, n))
	}
	for range 3 {
		run(t, p)
		for i, n := range sizes {
			if got, want := read(t, p, b.id(fmt.Sprintf("out%d", i)), 1)[0], float32((i+1)*(i+1)*n); got != want {
				t.Errorf("the sum of %d squares is %v, want %v", n, got, want)
			}
		}
	}
	if got := gpu.Stats().Kernels; got != 3*4 { // with vectors, and without
		t.Errorf("%d kernels ran, want %d", got, 3*4)
	}
}

// What somebody reads is written: by its name, through another buffer, or by the host.
func TestFoldKeepsWhatIsRead(t *testing.T) {
	const n = 8
	for name, add := range map[string]func(b *builder, tmp tape.Ref, copied tape.Ref){
		"by name": func(b *builder, tmp, copied tape.Ref) {
			b.emit(&tape.Copy{Shape: []int{n}, In: flat(tmp), Out: flat(copied)})
		},
		"in a loop": func(b *builder, tmp, copied tape.Ref) {
			b.emit(&tape.Loop{Trip: n, Body: []tape.Instr{&tape.Copy{Shape: []int{1}, In: flat(moved(tmp, 0, 1)),
				Out: flat(moved(copied, 0, 1))}}})
		},
		"through another buffer": func(b *builder, tmp, copied tape.Ref) {
			alias := b.floats("", 0, n)
			b.Buffers[alias.Buf].Offset = b.Buffers[tmp.Buf].Offset
			b.emit(&tape.Copy{Shape: []int{n}, In: flat(alias), Out: flat(copied)})
		},
		"after another buffer is half overwritten": func(b *builder, tmp, copied tape.Ref) {
			alias := b.floats("", 0, n)
			b.Buffers[alias.Buf].Offset = b.Buffers[tmp.Buf].Offset
			b.emit(
				&tape.Map{Shape: []int{n / 2}, Code: []tape.Op{{Fn: tape.Const, Value: 9}}, Result: []int{0}, Out: []tape.Operand{flat(alias)}},
				&tape.Copy{Shape: []int{n}, In: flat(alias), Out: flat(copied)})
		},
		"by the host": func(b *builder, tmp, copied tape.Ref) {
			b.Slots = append(b.Slots, tape.Slot{Name: "squares", Kind: tape.Output, Shape: []int{n}, Buf: tmp.Buf})
		},
	} {
		b := &builder{}
		x, out, copied := b.floats("x", tape.Input, n), b.floats("out", tape.Output, 1), b.floats("copied", tape.Output, n)
		tmp, other, sum := b.floats("", 0, n), b.floats("", 0, n), b.floats("other", tape.Output, 1)
		b.emit(squares(sum, other, x, n)...) // one alone is no sum
		b.emit(squares(out, tmp, x, n)...)
		add(b, tmp, copied)
		p, _ := b.open(t, sim.Config{Strict: true})
		write(t, p, b.id("x"), []float32{1, 2, 3, 4, 5, 6, 7, 8})
		run(t, p)
		from := "copied"
		if name == "by the host" {
			from = "squares"
		}
		if got := read(t, p, b.id(from), n); got[7] != 64 || got[4] != 25 {
			t.Errorf("%s: the squares are %v", name, got)
		}
		if got := read(t, p, b.id("out"), 1)[0]; got != 204 {
			t.Errorf("%s: their sum is %v, want 204", name, got)
		}
	}
}

package cpu

import (
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// contents reads all float slots of a program.
func (b *builder) contents(t *testing.T, p tape.Program) [][]float32 {
	t.Helper()
	var all [][]float32
	for i, s := range b.Slots {
		if b.Dtype(tape.SlotID(i)) != tape.Float32 {
			continue
		}
		x := make([]float32, s.Shape[0])
		if err := p.Read(tape.SlotID(i), x); err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}

// TestThreads checks that the number of threads does not change a bit.
func TestThreads(t *testing.T) {
	b := everything()
	for _, path := range kernel.Paths() {
		t.Run(path, func(t *testing.T) {
			var want [][]float32
			for _, threads := range []int{1, 2, 3, 5, 16} {
				p := b.start(t, onPath(path), Threads(threads))
				for range 2 {
					if err := p.Run(); err != nil {
						t.Fatal(err)
					}
				}
				got := b.contents(t, p)
				if want == nil {
					want = got
					continue
				}
				for i := range want {
					for j, w := range want[i] {
						if math.Float32bits(got[i][j]) != math.Float32bits(w) {
							t.Fatalf("%d threads: float slot %d, element %d is %g, with one thread %g", threads, i, j, got[i][j], w)
						}
					}
				}
			}
		})
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	b := everything()
	var out any // keeps the compiler from seeing what the function does
	x := b.buffer(tape.State, 8)
	loop := &tape.Host{
		Name: "keep", In: []tape.HostArg{{Ref: x, Shape: []int{8}}},
		Fn: func(_, in []any) error { out = in[0]; return nil },
	}
	b.emit(&tape.Loop{Trip: 3, Body: []tape.Instr{loop}})
	for _, threads := range []int{1, 3} {
		p := b.start(t, Threads(threads))
		if n := testing.AllocsPerRun(5, func() {
			if err := p.Run(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%d threads: a run allocates %v times", threads, n)
		}
	}
	if out == nil {
		t.Error("the host function was not called")
	}
}

// TestCloseEndsWorkers counts goroutines, of many programs at a time.
func TestCloseEndsWorkers(t *testing.T) {
	before := runtime.NumGoroutine()
	b := everything()
	for i := range 20 {
		p, err := New(Threads(1 + i%4)).Load(&b.Tape)
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			if err := p.Run(); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Errorf("the second Close: %v", err)
		}
		if p.Run() == nil {
			t.Error("Run after Close gave no error")
		}
	}
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, there were %d", runtime.NumGoroutine(), before)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestPersistentPack checks that weights which only the host writes are packed again when it has, and not else.
func TestPersistentPack(t *testing.T) {
	b := &builder{tape.Tape{Float: tape.Float32}}
	const n = 40
	x, w, y := b.buffer(tape.Input, n*n), b.buffer(tape.State, n*n), b.buffer(tape.Output, n*n)
	b.emit(&tape.Product{A: x, B: w, C: y, Batch: 1, M: n, N: n, K: n, LdA: n, LdB: n, LdC: n})
	p := b.start(t)
	for scale := range 4 {
		eye := make([]float32, n*n)
		for i := range n {
			eye[i*n+i] = float32(scale)
		}
		if err := p.Write(1, eye); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := p.Run(); err != nil {
				t.Fatal(err)
			}
			all := b.contents(t, p)
			for i, got := range all[2] {
				if want := all[0][i] * float32(scale); got != want {
					t.Fatalf("scale %d: element %d is %g, want %g", scale, i, got, want)
				}
			}
		}
	}
}

// TestTeam runs jobs of all sizes on teams larger than the machine.
func TestTeam(t *testing.T) {
	for _, members := range []int{1, 2, 3, 8, 33} {
		t.Run(fmt.Sprint(members), func(t *testing.T) {
			team := newTeam(members)
			defer team.stop()
			count := make([]int32, 500) // not atomic: a part that is computed twice at a time is a race
			part := func(_, i int) { count[i]++ }
			for jobs := range 300 {
				parts := jobs % len(count)
				team.inLoop.Store(jobs%2 == 0)
				team.do(parts, part)
				if jobs%50 == 0 {
					time.Sleep(2 * spin) // the workers fall asleep
				}
				for i, c := range count {
					if i < parts && c != 1 || i >= parts && c != 0 {
						t.Fatalf("%d parts: part %d was computed %d times", parts, i, c)
					}
					count[i] = 0
				}
			}
		})
	}
}

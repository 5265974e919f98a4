package cuda_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/tape"
)

// recurrence is s[t+1] = s[t] + x over some steps, with y = s[steps]; the state keeps its last value as its first.
func recurrence(steps int) (b *builder, x, s, y tape.SlotID) {
	const n = 40
	b = &builder{}
	xs, ss, ys := b.floats("x", tape.Input, n), b.floats("s", tape.State, n), b.floats("y", tape.Output, n)
	history := b.floats("", 0, n*(steps+1))
	b.emit(
		&tape.Copy{Shape: []int{n}, In: flat(ss), Out: flat(history)},
		&tape.Loop{Trip: steps, Body: []tape.Instr{add(moved(history, n, n), moved(history, 0, n), xs, n)}},
		&tape.Copy{Shape: []int{n}, In: flat(moved(history, steps*n)), Out: flat(ss)},
		&tape.Copy{Shape: []int{n}, In: flat(ss), Out: flat(ys)},
	)
	return b, b.id("x"), b.id("s"), b.id("y")
}

// The first run is put into the stream piece by piece, the second one is captured, and later ones are a single
// call each.
func TestReplay(t *testing.T) {
	const steps = 7
	b, x, _, y := recurrence(steps)
	p, gpu := b.open(t, sim.Config{})
	write(t, p, x, slices.Repeat([]float32{1}, 40))
	for k := range 4 {
		before := gpu.Stats()
		run(t, p)
		after := gpu.Stats()
		launches, captures, replays := after.Launches-before.Launches, after.Captures-before.Captures,
			after.GraphLaunches-before.GraphLaunches
		want := [3]int{0, 0, 1}
		switch k {
		case 0:
			want = [3]int{steps, 0, 0}
		case 1:
			want = [3]int{0, 1, 1}
		}
		if got := [3]int{launches, captures, replays}; got != want {
			t.Errorf("run %d: launches, captures, replays = %v, want %v", k, got, want)
		}
		if after.Kernels-before.Kernels != steps {
			t.Errorf("run %d: %d kernels ran, want %d", k, after.Kernels-before.Kernels, steps)
		}
		if got, want := read(t, p, y, 40), float32((k+1)*steps); got[0] != want || got[39] != want {
			t.Errorf("run %d: y = %v, want %v", k, got, want)
		}
	}
}

// Without capture every run is put into the stream piece by piece; so is one that is too long for a graph.
func TestPlain(t *testing.T) {
	for name, c := range map[string]struct {
		steps int
		opts  []cuda.Option
	}{"told so": {3, []cuda.Option{cuda.Capture(false)}}, "long": {1 << 16, nil}} {
		b, x, _, y := recurrence(c.steps)
		p, gpu := b.open(t, sim.Config{}, c.opts...)
		write(t, p, x, slices.Repeat([]float32{1}, 40))
		for k := range 2 {
			run(t, p)
			if got, want := read(t, p, y, 40)[0], float32((k+1)*c.steps); got != want {
				t.Errorf("%s: run %d: y = %v, want %v", name, k, got, want)
			}
		}
		if s := gpu.Stats(); s.Captures != 0 || s.Launches != 2*c.steps {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// A GPU that captures nothing computes the same, and somebody is told.
func TestUncaptured(t *testing.T) {
	b, x, _, y := recurrence(3)
	var told []error
	p, gpu := b.open(t, sim.Config{NoCapture: true}, cuda.Uncaptured(func(err error) { told = append(told, err) }))
	write(t, p, x, slices.Repeat([]float32{1}, 40))
	for k := range 4 {
		run(t, p)
		if got, want := read(t, p, y, 40)[0], float32((k+1)*3); got != want {
			t.Errorf("run %d: y = %v, want %v", k, got, want)
		}
	}
	if s := gpu.Stats(); s.Captures != 0 || s.GraphLaunches != 0 || s.Kernels != 4*3 {
		t.Errorf("%+v", s)
	}
	if len(told) != 1 || told[0].Error() != "the capture makes no graph" {
		t.Errorf("told %v", told)
	}
}

// The host may write the next inputs, and run again, while the GPU is still busy: nothing waits before a read,
// and each run sees its own inputs. (The simulator does not begin before somebody waits, and refuses pinned
// memory that changes too early.)
func TestRunsAhead(t *testing.T) {
	b, x, _, y := recurrence(3)
	p, gpu := b.open(t, sim.Config{})
	gpu.Stats() // begins with nothing queued
	want := float32(0)
	for k := range 2 {
		write(t, p, x, slices.Repeat([]float32{float32(k)}, 40))
		run(t, p)
		want += 3 * float32(k)
	}
	if n := gpu.Waiting(); n == 0 {
		t.Error("the runs were waited for")
	}
	for k := 2; k < 9; k++ {
		write(t, p, x, slices.Repeat([]float32{float32(k)}, 40))
		run(t, p)
		want += 3 * float32(k)
	}
	if got := read(t, p, y, 40)[0]; got != want {
		t.Errorf("y = %v, want %v", got, want)
	}
}

// Slots that are larger than a piece of pinned memory go up and down in pieces.
func TestLargeSlots(t *testing.T) {
	const n = 3<<20 + 5
	b := &builder{}
	x, y := b.floats("x", tape.Input, n), b.floats("y", tape.Output, n)
	b.emit(&tape.Copy{Shape: []int{n}, In: flat(x), Out: flat(y)})
	p, _ := b.open(t, sim.Config{})
	data := make([]float32, n)
	for k := range 2 {
		for i := range data {
			data[i] = float32(i + k)
		}
		write(t, p, b.id("x"), data)
		run(t, p)
		if got := read(t, p, b.id("y"), n); !slices.Equal(got, data) {
			t.Errorf("run %d: the data came back changed", k)
		}
	}
}

// Memory that does not suffice is an error that says how much was asked for, wherever it happens, and nothing
// stays behind.
func TestOutOfMemory(t *testing.T) {
	b, _, _, _ := recurrence(5)
	gpu := sim.New(sim.Config{FailAlloc: 1})
	d := cuda.New(gpu)
	_, err := d.Load(&b.Tape)
	var full *driver.MemoryError
	if !errors.As(err, &full) || full.Asked < b.Arena || full.Free != 1<<30 {
		t.Fatalf("Load gives %v", err)
	}
	p, err := d.Load(&b.Tape) // there is memory again
	if err != nil {
		t.Fatal(err)
	}
	run(t, p)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if err := gpu.Close(); err != nil {
		t.Error(err)
	}
	small := sim.New(sim.Config{Memory: 1000})
	d = cuda.New(small)
	if _, err := d.Load(&b.Tape); !errors.As(err, &full) || full.Free != 1000 {
		t.Errorf("Load on a small GPU gives %v", err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if err := small.Close(); err != nil {
		t.Error(err)
	}
}

// A GPU that is lost in the middle of a run says so from then on, and never takes the program down.
func TestLost(t *testing.T) {
	for _, kernel := range []int{1, 4, 9} {
		b, _, _, y := recurrence(5)
		p, _ := b.open(t, sim.Config{FailLaunch: kernel})
		var lost *driver.LostError
		var err error
		for range 3 {
			if err == nil {
				err = p.Run()
			}
			if err == nil {
				err = p.Read(y, make([]float32, 40))
			}
		}
		if !errors.As(err, &lost) {
			t.Fatalf("kernel %d: %v, want a *LostError", kernel, err)
		}
		if err := p.Run(); !errors.As(err, &lost) {
			t.Errorf("kernel %d: the next run gives %v", kernel, err)
		}
	}
}

// The kernels of one program serve the next one.
func TestKernelsAreKept(t *testing.T) {
	gpu := sim.New(sim.Config{})
	d := cuda.New(gpu)
	for _, steps := range []int{3, 8, 3} {
		b, _, _, _ := recurrence(steps)
		p, err := d.Load(&b.Tape)
		if err != nil {
			t.Fatal(err)
		}
		run(t, p)
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := gpu.Stats().Modules; n != 1 {
		t.Errorf("%d modules were compiled, want 1", n)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if err := gpu.Close(); err != nil {
		t.Error(err)
	}
}

// Maps of one kind that do not depend on each other are one launch, whatever stands between them.
func TestGroup(t *testing.T) {
	const n = 8
	b := &builder{}
	var want []float32
	ones := b.floats("ones", tape.Input, 3000)
	var updates, between []tape.Instr
	for k := range n {
		size := []int{5, 64, 1000, 3000}[k%4]
		w := b.floats(fmt.Sprintf("w%d", k), tape.State, size)
		neg := b.floats("", 0, size)
		between = append(between, &tape.Reduce{In: w, Out: neg, Outer: 1, N: 1, Inner: size})
		updates = append(updates, add(w, w, ones, size))
		want = append(want, float32(k+2))
	}
	for k := range n {
		b.emit(updates[k], between[k])
	}
	p, gpu := b.open(t, sim.Config{})
	write(t, p, b.id("ones"), slices.Repeat([]float32{1}, 3000))
	for k := range n {
		write(t, p, b.id(fmt.Sprintf("w%d", k)), slices.Repeat([]float32{float32(k)}, []int{5, 64, 1000, 3000}[k%4]))
	}
	before := gpu.Stats().Kernels
	run(t, p)
	if got := gpu.Stats().Kernels - before; got != 2+n { // two groups: of sizes that vectors fit, and of others
		t.Errorf("%d kernels ran, want %d", got, 2+n)
	}
	run(t, p)
	for k := range n {
		size := []int{5, 64, 1000, 3000}[k%4]
		for i, w := range read(t, p, b.id(fmt.Sprintf("w%d", k)), size) {
			if w != want[k] {
				t.Fatalf("w%d[%d] = %v, want %v", k, i, w, want[k])
			}
		}
	}
}

// A chain of Maps of one kind, each of which needs the one before, keeps its order.
func TestGroupKeepsOrder(t *testing.T) {
	b := &builder{}
	const n, links = 33, 5
	one := b.floats("one", tape.Input, n)
	out := b.floats("out", tape.Output, n)
	last := one
	for range links { // doubles
		next := b.floats("", 0, n)
		b.emit(add(next, last, last, n))
		last = next
	}
	other := b.floats("", 0, n)
	b.emit(add(other, one, one, n), add(out, last, other, n))
	p, _ := b.open(t, sim.Config{Strict: true})
	write(t, p, b.id("one"), slices.Repeat([]float32{1}, n))
	run(t, p)
	if got := read(t, p, b.id("out"), n); got[0] != 34 || got[n-1] != 34 {
		t.Errorf("out = %v, want 34", got)
	}
}

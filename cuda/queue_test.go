package cuda_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/tape"
)

// multiply is y = x·w, of 1×n and n×n.
func multiply(n int) *builder {
	b := &builder{}
	x, w, y := b.floats("x", tape.Input, n), b.floats("w", tape.State, n*n), b.floats("y", tape.Output, n)
	b.emit(&tape.Product{Batch: 1, M: 1, N: n, K: n, A: x, B: w, C: y, LdA: n, LdB: n, LdC: n})
	return b
}

func load(t *testing.T, d *cuda.Device, b *builder) tape.Program {
	t.Helper()
	p, err := d.Load(&b.Tape)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func closeAll(t *testing.T, gpu driver.GPU, d *cuda.Device, programs ...tape.Program) {
	t.Helper()
	for _, p := range programs {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if err := gpu.Close(); err != nil {
		t.Error(err)
	}
}

// All programs of a device have one stream, one handle for products and one workspace, whose place does not
// change from the time when a run is captured to that when it is launched.
func TestProgramsShareAQueue(t *testing.T) {
	gpu := sim.New(sim.Config{})
	d := cuda.New(gpu)
	adds, x, _, y := recurrence(3)
	others := load(t, d, adds)
	if s := gpu.Stats(); s.Streams != 1 || s.BLAS != 0 {
		t.Errorf("a program without products made %d streams and %d handles, want 1 and 0", s.Streams, s.BLAS)
	}
	programs := []tape.Program{others}
	for n := 1; n <= 10; n++ {
		programs = append(programs, load(t, d, multiply(n)))
	}
	for k := range 4 {
		for n := 1; n <= 10; n++ {
			b, p := multiply(n), programs[n]
			write(t, p, b.id("x"), slices.Repeat([]float32{float32(k)}, n))
			write(t, p, b.id("w"), slices.Repeat([]float32{2}, n*n))
			run(t, p)
		}
		write(t, others, x, slices.Repeat([]float32{1}, 40))
		run(t, others)
		for n := 1; n <= 10; n++ { // after all of them have run
			want := slices.Repeat([]float32{float32(2 * n * k)}, n)
			if got := read(t, programs[n], multiply(n).id("y"), n); !slices.Equal(got, want) {
				t.Errorf("run %d, n = %d: %v, want %v", k, n, got, want)
			}
		}
		if got := read(t, others, y, 40)[0]; got != float32(3*(k+1)) {
			t.Errorf("run %d: y = %v, want %d", k, got, 3*(k+1))
		}
	}
	s := gpu.Stats()
	if want := driver.WorkspaceBytes(gpu.Info().Compute); s.Streams != 1 || s.BLAS != 1 || s.Workspace != want {
		t.Errorf("11 programs have %d streams, %d handles and %d bytes of workspace, want 1, 1, %d",
			s.Streams, s.BLAS, s.Workspace, want)
	}
	if s.Captures != 11 {
		t.Errorf("%d graphs were made, want 11", s.Captures)
	}
	closeAll(t, gpu, d, programs...)
}

// No memory for the workspace fails the Load that needs it first, and that one alone.
func TestNoWorkspace(t *testing.T) {
	gpu := sim.New(sim.Config{FailAlloc: 1})
	d := cuda.New(gpu)
	b := multiply(2)
	var full *driver.MemoryError
	if _, err := d.Load(&b.Tape); !errors.As(err, &full) || full.Asked != driver.WorkspaceBytes(gpu.Info().Compute) {
		t.Fatalf("Load gives %v", err)
	}
	p := load(t, d, b)
	run(t, p)
	closeAll(t, gpu, d, p)
}

// slowCapture is a GPU that calls meanwhile, once, in the middle of its first capture.
type slowCapture struct {
	driver.GPU
	meanwhile func()
}

type slowStream struct {
	driver.Stream
	gpu *slowCapture
}

func (g *slowCapture) NewStream() (driver.Stream, error) {
	s, err := g.GPU.NewStream()
	return &slowStream{s, g}, err
}

func (g *slowCapture) NewBLAS(s driver.Stream) (driver.BLAS, error) {
	return g.GPU.NewBLAS(s.(*slowStream).Stream)
}

func (s *slowStream) Capture(f func() error) (driver.Graph, error) {
	g, err := s.Stream.Capture(func() error {
		s.gpu.meanwhile()
		return f()
	})
	return &slowGraph{g}, err
}

type slowGraph struct{ driver.Graph }

func (g *slowGraph) Launch(s driver.Stream) error { return g.Graph.Launch(s.(*slowStream).Stream) }

// What one program puts into the stream while another one captures comes after that, and is no part of the graph.
func TestTurns(t *testing.T) {
	gpu := &slowCapture{GPU: sim.New(sim.Config{})}
	var refused error
	d := cuda.New(gpu, cuda.Uncaptured(func(err error) { refused = err }))
	first, second := multiply(3), multiply(4)
	p, q := load(t, d, first), load(t, d, second)
	done := make(chan error, 1)
	gpu.meanwhile = func() {
		go func() {
			err := q.Write(second.id("x"), []float32{1, 2, 3, 4})
			done <- errors.Join(err, q.Write(second.id("w"), slices.Repeat([]float32{1}, 16)), q.Run())
		}()
		select {
		case err := <-done:
			t.Errorf("another program's work went into a stream that was being captured: %v", err)
			done <- err
		case <-time.After(20 * time.Millisecond):
		}
	}
	write(t, p, first.id("x"), []float32{1, 1, 1})
	write(t, p, first.id("w"), slices.Repeat([]float32{1}, 9))
	for range 3 {
		run(t, p)
		if got := read(t, p, first.id("y"), 3); !slices.Equal(got, []float32{3, 3, 3}) {
			t.Errorf("y = %v, want 3", got)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := read(t, q, second.id("y"), 4); !slices.Equal(got, []float32{10, 10, 10, 10}) {
		t.Errorf("y = %v, want 10", got)
	}
	if refused != nil {
		t.Errorf("a run was not captured: %v", refused)
	}
	closeAll(t, gpu, d, p, q)
}

// A host function may use the device that called it.
func TestHostFunctionUsesTheDevice(t *testing.T) {
	gpu := sim.New(sim.Config{})
	d := cuda.New(gpu)
	inner := multiply(2)
	q := load(t, d, inner)
	b := &builder{}
	x, y := b.floats("x", tape.Input, 2), b.floats("y", tape.Output, 2)
	b.emit(&tape.Host{
		Name: "multiply", In: []tape.HostArg{{Ref: x, Shape: []int{2}}}, Out: []tape.HostArg{{Ref: y, Shape: []int{2}}},
		Fn: func(out, in []any) error {
			return errors.Join(q.Write(inner.id("x"), in[0]), q.Run(), q.Read(inner.id("y"), out[0]))
		},
	})
	p := load(t, d, b)
	write(t, q, inner.id("w"), []float32{0, 1, 2, 0})
	write(t, p, b.id("x"), []float32{3, 5})
	for range 3 {
		run(t, p)
		if got := read(t, p, b.id("y"), 2); !slices.Equal(got, []float32{10, 3}) {
			t.Errorf("y = %v, want 10, 3", got)
		}
	}
	closeAll(t, gpu, d, p, q)
}

// What lies between host functions is captured: a run is a launch of a graph before and after each, and none of
// a kernel.
func TestHostFunctionsBetweenGraphs(t *testing.T) {
	const n = 8
	b := &builder{}
	x, s, y := b.floats("x", tape.Input, n), b.floats("s", tape.State, n), b.floats("y", tape.Output, n)
	up, down, twice := b.floats("", 0, n), b.floats("", 0, n), b.floats("", 0, n)
	square := func(to, from tape.Ref) *tape.Host {
		return &tape.Host{
			Name: "square", In: []tape.HostArg{{Ref: from, Shape: []int{n}}}, Out: []tape.HostArg{{Ref: to, Shape: []int{n}}},
			Fn: func(out, in []any) error {
				for i, x := range in[0].([]float32) {
					out[0].([]float32)[i] = x * x
				}
				return nil
			},
		}
	}
	b.emit(
		add(up, x, s, n), add(twice, up, up, n), square(down, up), add(s, down, twice, n), square(y, s), add(y, y, x, n),
		&tape.Loop{Trip: 2, Body: []tape.Instr{square(down, x), add(s, s, down, n)}},
	)
	p, gpu := b.open(t, sim.Config{Strict: true})
	if pieces, err := cuda.New(gpu).Pieces(&b.Tape); err != nil || pieces != 4+2+2*2 {
		t.Errorf("%d pieces (%v), want 4 Maps, 2 host functions, and two of each in a loop of 2 steps", pieces, err)
	}
	if pieces, err := cuda.Pieces(&b.Tape, driver.Version{Major: 9}); err != nil || pieces != 4+2+2*2 {
		t.Errorf("without a GPU: %d pieces (%v)", pieces, err)
	}
	write(t, p, b.id("x"), slices.Repeat([]float32{2}, n))
	state := float32(0)
	for k := range 4 {
		before := gpu.Stats()
		run(t, p)
		after := gpu.Stats()
		u := 2 + state
		state = u*u + 2*u
		if got := read(t, p, b.id("y"), n); got[0] != state*state+2 || got[n-1] != got[0] {
			t.Errorf("run %d: y = %v, want %v", k, got, state*state+2)
		}
		state += 2 * 4
		if got := read(t, p, b.id("s"), n)[n-1]; got != state {
			t.Errorf("run %d: s = %v, want %v", k, got, state)
		}
		if launches, graphs := after.Launches-before.Launches,
			after.GraphLaunches-before.GraphLaunches; k > 0 && (launches != 2 || graphs != 3) {
			t.Errorf("run %d: %d kernels were launched singly, %d graphs; want 2, those of the loop, and 3", k, launches, graphs)
		}
		if state > 1e3 {
			write(t, p, b.id("s"), make([]float32, n))
			state = 0
		}
	}
}

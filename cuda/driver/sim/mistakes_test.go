package sim_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/cuda/internal/ptx"
)

// A bench is a GPU with a stream, some device memory, some pinned memory, and a kernel that adds 1 to the first number.
type bench struct {
	*testing.T
	gpu    *sim.GPU
	stream driver.Stream
	device driver.Ptr
	pinned []byte
	module driver.Module
	kernel driver.Function
}

func newBench(t *testing.T, c sim.Config) *bench {
	b := &bench{T: t, gpu: sim.New(c)}
	var m ptx.Module
	m.Kernel("increment", func(b *ptx.Builder) {
		p := b.Pointer("p")
		b.If(b.Eq(b.Special(ptx.TidX), ptx.Int(0)), func() { b.Store(p, 0, b.Add(b.Load(ptx.U32, p, 0), ptx.Int(1))) })
	})
	text, err := m.PTX()
	b.must(err)
	b.stream, err = b.gpu.NewStream()
	b.must(err)
	b.device, err = b.gpu.Alloc(64)
	b.must(err)
	b.pinned, err = b.gpu.AllocHost(64)
	b.must(err)
	b.module, err = b.gpu.Load(text)
	b.must(err)
	b.kernel, err = b.module.Function("increment")
	b.must(err)
	return b
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) launch(at driver.Ptr) error {
	one := driver.Dim{X: 1, Y: 1, Z: 1}
	return b.stream.Launch(b.kernel, one, one, 0, false, []uint64{uint64(at)})
}

// Mistakes that a GPU would let pass, or turn into garbage, lose the simulated one, with words that say what happened.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		want   string
		config sim.Config
		do     func(b *bench) error
	}{
		{"changed before the stream reached their upload", sim.Config{}, func(b *bench) error {
			b.must(b.stream.Upload(b.device, b.pinned))
			b.pinned[3] = 1
			return b.stream.Sync()
		}},
		{"were written before the stream reached the download", sim.Config{}, func(b *bench) error {
			b.must(b.stream.Clear(b.device, 64))
			b.must(b.stream.Download(b.pinned, b.device))
			b.pinned[3] = 1
			return b.stream.Sync()
		}},
		{"pinned memory was released before", sim.Config{}, func(b *bench) error {
			b.must(b.stream.Upload(b.device, b.pinned))
			b.must(b.gpu.ReleaseHost(b.pinned))
			return b.stream.Sync()
		}},
		{"64 bytes at", sim.Config{}, func(b *bench) error {
			b.must(b.stream.Upload(b.device, b.pinned))
			b.must(b.gpu.Release(b.device))
			return b.stream.Sync()
		}},
		{"65 bytes at", sim.Config{}, func(b *bench) error {
			b.must(b.stream.Clear(b.device, 65))
			return b.stream.Sync()
		}},
		{"overlaps itself", sim.Config{}, func(b *bench) error {
			b.must(b.stream.Copy(b.device+4, b.device, 8))
			return b.stream.Sync()
		}},
		{"out of bounds", sim.Config{}, func(b *bench) error {
			b.must(b.launch(b.device + 64))
			return b.stream.Sync()
		}},
		{"uninitialised", sim.Config{Strict: true}, func(b *bench) error {
			b.must(b.launch(b.device))
			return b.stream.Sync()
		}},
		{"unloaded before the stream reached it", sim.Config{}, func(b *bench) error {
			b.must(b.launch(b.device))
			b.must(b.module.Unload())
			return b.stream.Sync()
		}},
		{"the handle was closed, and its workspace released", sim.Config{}, func(b *bench) error {
			blas, err := b.gpu.NewBLAS(b.stream)
			b.must(err)
			g, err := b.stream.Capture(func() error {
				return blas.Product(driver.Matrices{
					Batch: 1, M: 1, N: 1, K: 1, A: b.device, B: b.device, C: b.device + 4, LdA: 1, LdB: 1, LdC: 1,
				})
			})
			b.must(err)
			b.must(g.Launch(b.stream))
			b.must(b.stream.Sync())
			b.must(blas.Close())
			b.must(g.Launch(b.stream))
			return b.stream.Sync()
		}},
		{"an injected fault", sim.Config{FailLaunch: 2}, func(b *bench) error {
			b.must(b.launch(b.device))
			b.must(b.stream.Sync())
			b.must(b.launch(b.device))
			return b.stream.Sync()
		}},
	} {
		t.Run(c.want, func(t *testing.T) {
			b := newBench(t, c.config)
			err := c.do(b)
			var lost *driver.LostError
			if !errors.As(err, &lost) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("the error is %v", err)
			}
			if _, err := b.gpu.Alloc(1); !errors.As(err, &lost) {
				t.Errorf("Alloc on a lost GPU gives %v", err)
			}
			if _, err := b.gpu.NewStream(); !errors.As(err, &lost) {
				t.Errorf("NewStream on a lost GPU gives %v", err)
			}
		})
	}
}

// What a driver refuses at once is refused, and nothing is lost by it.
func TestRefusals(t *testing.T) {
	b := newBench(t, sim.Config{})
	one := driver.Dim{X: 1, Y: 1, Z: 1}
	e, err := b.gpu.NewEvent()
	b.must(err)
	for what, err := range map[string]error{
		"an upload of memory that is not pinned":         b.stream.Upload(b.device, make([]byte, 8)),
		"a download to memory that is not pinned":        b.stream.Download(make([]byte, 8), b.device),
		"a launch without arguments":                     b.stream.Launch(b.kernel, one, one, 0, false, nil),
		"a launch of no blocks":                          b.stream.Launch(b.kernel, driver.Dim{}, one, 0, false, []uint64{0}),
		"a launch of too many threads":                   b.stream.Launch(b.kernel, one, driver.Dim{X: 1025, Y: 1, Z: 1}, 0, false, []uint64{0}),
		"an early launch after what is no kernel":        b.stream.Launch(b.kernel, one, one, 0, true, []uint64{0}),
		"a launch with more shared memory than is given": b.stream.Launch(b.kernel, one, one, 48<<10+1, false, []uint64{0}),
		"a release of what is no allocation":             b.gpu.Release(b.device + 1),
		"a release of host memory that is no pinned":     b.gpu.ReleaseHost(b.pinned[1:]),
		"closing a GPU that is in use":                   b.gpu.Close(),
	} {
		if err == nil {
			t.Errorf("%s is no error", what)
		}
	}
	for what, do := range map[string]func() error{
		"Sync":    b.stream.Sync,
		"Wait":    func() error { return b.stream.Wait(e) },
		"Capture": func() error { _, err := b.stream.Capture(func() error { return nil }); return err },
	} {
		// even if the error is not looked at
		if g, err := b.stream.Capture(func() error { do(); return nil }); err == nil || g != nil {
			t.Errorf("a capture that calls %s gives %v, %v", what, g, err)
		}
	}
	b.must(b.stream.Clear(b.device, 64))
	b.must(b.stream.Sync())
}

// A graph runs in any order that its streams' waits for each other allow, and in no other.
func TestShuffle(t *testing.T) {
	const seeds = 30
	for name, c := range map[string]struct {
		waits   bool
		results int // that are seen
	}{"side by side": {false, 2}, "in turn": {true, 1}} {
		seen := map[byte]bool{}
		for seed := range uint64(seeds) {
			b := newBench(t, sim.Config{Shuffle: 1 + seed})
			other, err := b.gpu.NewStream()
			b.must(err)
			begins, _ := b.gpu.NewEvent()
			ends, _ := b.gpu.NewEvent()
			g, err := b.stream.Capture(func() error {
				b.must(b.stream.Clear(b.device, 64))
				b.must(b.stream.Record(begins))
				b.must(other.Wait(begins))
				b.must(b.launch(b.device))
				if c.waits {
					b.must(b.stream.Record(begins))
					b.must(other.Wait(begins))
				}
				b.must(other.Copy(b.device+32, b.device, 4))
				b.must(other.Record(ends))
				return b.stream.Wait(ends)
			})
			b.must(err)
			b.must(g.Launch(b.stream))
			b.must(b.stream.Download(b.pinned, b.device))
			b.must(b.stream.Sync())
			seen[b.pinned[32]] = true
		}
		if len(seen) != c.results || !seen[1] {
			t.Errorf("%s: the other stream has seen %v, want %d results", name, seen, c.results)
		}
	}
}

// What takes streams into a capture, or out of it, in a way that CUDA refuses, makes no graph.
func TestWrongForks(t *testing.T) {
	for want, do := range map[string]func(b *bench, other driver.Stream, inside, outside driver.Event) error{
		"before it has waited for another stream": func(b *bench, other driver.Stream, inside, _ driver.Event) error {
			b.must(other.Wait(inside))
			return other.Clear(b.device, 4)
		},
		"from outside of the capture": func(b *bench, other driver.Stream, inside, outside driver.Event) error {
			b.stream.Wait(outside)
			return nil
		},
	} {
		b := newBench(t, sim.Config{})
		other, err := b.gpu.NewStream()
		b.must(err)
		inside, _ := b.gpu.NewEvent()
		outside, _ := b.gpu.NewEvent()
		b.must(other.Record(outside))
		_, err = b.stream.Capture(func() error {
			b.must(b.stream.Clear(b.device, 4))
			b.must(b.stream.Record(inside))
			return do(b, other, inside, outside)
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the capture gives %v, want %s", err, want)
		}
		if err := other.Wait(inside); err == nil {
			t.Error("a wait for an event of a capture that has ended is no error")
		}
		if err := inside.Sync(); err == nil {
			t.Error("the host waits for an event of a capture")
		}
		b.must(other.Clear(b.device, 4))
		b.must(other.Sync())
	}
}

// Nothing is done before somebody waits, and a download shows nothing before.
func TestWorkWaits(t *testing.T) {
	b := newBench(t, sim.Config{})
	b.must(b.stream.Clear(b.device, 64))
	b.must(b.stream.Download(b.pinned, b.device))
	if b.pinned[0] != 0xff || b.gpu.Waiting() != 2 {
		t.Errorf("%d pieces of work wait, and the pinned memory holds %#x", b.gpu.Waiting(), b.pinned[0])
	}
	b.must(b.stream.Sync())
	if b.pinned[0] != 0 || b.gpu.Waiting() != 0 {
		t.Errorf("%d pieces of work wait, and the pinned memory holds %#x", b.gpu.Waiting(), b.pinned[0])
	}
	// A graph reads pinned memory when it is launched, not when it is captured.
	g, err := b.stream.Capture(func() error { return b.stream.Upload(b.device, b.pinned) })
	b.must(err)
	b.pinned[0] = 41
	b.must(g.Launch(b.stream))
	b.must(b.launch(b.device))
	other, err := b.gpu.AllocHost(64)
	b.must(err)
	b.must(b.stream.Download(other, b.device))
	b.must(b.stream.Sync())
	if other[0] != 42 {
		t.Errorf("%d came down, want 42", other[0])
	}
	b.must(b.stream.Close())
	b.must(b.gpu.Release(b.device))
	b.must(b.gpu.ReleaseHost(b.pinned))
	b.must(b.gpu.ReleaseHost(other))
	b.must(b.gpu.Close())
}

//go:build gpu && linux && cgo

package driver_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/internal/drivertest"
)

// Each of these errors ends the GPU: the fake driver recovers, package driver does not ask it any more.
func TestLost(t *testing.T) {
	for _, code := range []int{46, 214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 721, 911, 999} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			w := newWorld(t)
			control.Fail("cuStreamSynchronize", code, 0)
			err := w.stream.Sync()
			var first, later *driver.LostError
			if !errors.As(err, &first) || first.Op != "cuStreamSynchronize" {
				t.Fatalf("the error is %v", err)
			}
			control.Calls()
			one := driver.Dim{X: 1, Y: 1, Z: 1}
			for name, f := range map[string]func() error{
				"Launch":   func() error { return w.stream.Launch(w.function, one, one, 0, false, nil) },
				"Upload":   func() error { return w.stream.Upload(w.at, w.host) },
				"Download": func() error { return w.stream.Download(w.host, w.at) },
				"Copy":     func() error { return w.stream.Copy(w.at, w.at, 1) },
				"Clear":    func() error { return w.stream.Clear(w.at, 1) },
				"Record":   func() error { return w.stream.Record(w.event) },
				"Wait":     func() error { return w.stream.Wait(w.event) },
				"Sync":     w.stream.Sync,
				"Capture":  w.capture,
				"Graph":    func() error { return w.graph.Launch(w.stream) },
				"Product":  func() error { return w.blas.Product(driver.Matrices{}) },
				"Alloc":    func() error { _, err := w.gpu.Alloc(1); return err },
				"Host":     func() error { _, err := w.gpu.AllocHost(1); return err },
				"Load":     func() error { _, err := w.gpu.Load(""); return err },
				"Free":     func() error { _, err := w.gpu.Free(); return err },
				"BLAS":     func() error { _, err := w.gpu.NewBLAS(w.stream); return err },
				"Event":    w.event.Sync,
				"Stream":   w.stream.Close,
			} {
				if err := f(); !errors.As(err, &later) || later != first {
					t.Errorf("later, %s gives %v", name, err)
				}
			}
			if calls := control.Calls(); len(calls) != 1 || calls[0] != "" {
				t.Errorf("later, the driver is called: %v", calls)
			}
			control.Fail("cuMemFreeHost", 719, 0)
			if err := w.gpu.ReleaseHost(w.host); !errors.As(err, &later) || later != first {
				t.Errorf("another failure gives %v", err)
			}
			if err := w.gpu.Close(); err != nil {
				t.Errorf("Close gives %v", err)
			}
		})
	}
}

// cuBLAS says only that something went wrong; the stream says what.
func TestLostInProduct(t *testing.T) {
	w := newWorld(t)
	nowhere := driver.Matrices{Batch: 1, M: 1, N: 1, K: 1, A: w.at, B: w.at, C: w.at + 1<<40, LdA: 1, LdB: 1, LdC: 1}
	err := w.blas.Product(nowhere)
	if want := "1 × 1×1×1: the GPU is lost (cublasGemm): an illegal memory access was encountered " +
		"(CUDA error 700)"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
	var lost *driver.LostError
	if err := w.stream.Sync(); !errors.As(err, &lost) || lost.Op != "cublasGemm" {
		t.Errorf("later, Sync gives %v", err)
	}
}

// While a stream captures, cuBLAS neither makes nor destroys a handle: that may wait for the whole device,
// which breaks the capture.
func TestHandlesAndCaptures(t *testing.T) {
	w := newWorld(t)
	other := must(w.gpu.NewStream())(t)
	unused := must(w.gpu.NewBLAS(other))(t)
	control.Calls()
	var wait sync.WaitGroup
	g, err := w.stream.Capture(func() error {
		wait.Go(func() {
			if b, err := w.gpu.NewBLAS(other); err != nil {
				t.Error(err)
			} else if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
		wait.Go(func() {
			if err := unused.Close(); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(20 * time.Millisecond) // would be enough for both
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wait.Wait()
	ended, handles := -1, 0
	for i, call := range control.Calls() {
		switch {
		case strings.HasPrefix(call, "cuStreamEndCapture"):
			ended = i
		case strings.HasPrefix(call, "cublasCreate"), strings.HasPrefix(call, "cublasDestroy"):
			if handles++; ended < 0 {
				t.Errorf("%s while a stream captures", call)
			}
		}
	}
	if ended < 0 || handles != 3 {
		t.Errorf("%d calls for handles, want 3; the capture ended at call %d", handles, ended)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
}

// cuBLAS says "not initialised" when it finds no memory for itself.
func TestHandleWithoutMemory(t *testing.T) {
	w := newWorld(t)
	open := func() error {
		control.Fail("cublasCreate_v2", 1, 0)
		_, err := w.gpu.NewBLAS(w.stream)
		return err
	}
	if err := open(); err == nil || err.Error() != "cublasCreate: not initialised (cuBLAS status 1)" {
		t.Errorf("with much memory left: %v", err)
	}
	full := must(w.gpu.Alloc(must(w.gpu.Free())(t) - 100<<20))(t)
	var want *driver.MemoryError
	if err := open(); !errors.As(err, &want) || want.Asked != 0 || want.Free <= 0 || want.Free > 100<<20 {
		t.Errorf("with little memory left: %v", err)
	}
	if err := w.gpu.Release(full); err != nil {
		t.Error(err)
	}
}

// The context of CUDA is that of a thread. Here every call comes from a thread that has never seen it.
func TestThreads(t *testing.T) {
	gpu := faked(t)
	const n = 64
	elsewhere := func(f func() error) error {
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // for good: the thread ends with the goroutine
			done <- f()
		}()
		return <-done
	}
	var (
		s     driver.Stream
		e     driver.Event
		m     driver.Module
		f     driver.Function
		p     driver.Ptr
		host  []byte
		g     driver.Graph
		b     driver.BLAS
		block = driver.Dim{X: n, Y: 1, Z: 1}
		one   = driver.Dim{X: 1, Y: 1, Z: 1}
	)
	for i, step := range []func() error{
		func() (err error) { s, err = gpu.NewStream(); return err },
		func() (err error) { e, err = gpu.NewEvent(); return err },
		func() (err error) { m, err = gpu.Load(drivertest.Kernels); return err },
		func() (err error) { f, err = m.Function("increment"); return err },
		func() (err error) { _, err = f.Resources(); return err },
		func() (err error) { p, err = gpu.Alloc(4 * n); return err },
		func() (err error) { host, err = gpu.AllocHost(4 * n); return err },
		func() (err error) { _, err = gpu.Free(); return err },
		func() error { return s.Upload(p, host) },
		func() error { return s.Clear(p, 4*n) },
		func() error { return s.Launch(f, one, block, 0, false, []uint64{uint64(p), n}) },
		func() error { return s.Copy(p, p+4*n/2, 4*n/2) },
		func() error { return s.Record(e) },
		func() error { return s.Wait(e) },
		func() error { return e.Sync() },
		func() error { _, err := e.Since(e); return err },
		func() (err error) {
			// Begun here, filled there.
			g, err = s.Capture(func() error {
				return elsewhere(func() error { return s.Launch(f, one, block, 0, false, []uint64{uint64(p), n}) })
			})
			return err
		},
		func() error { return g.Launch(s) },
		func() (err error) { b, err = gpu.NewBLAS(s); return err },
		func() error {
			return b.Product(driver.Matrices{Batch: 1, M: 1, N: 1, K: 1, A: p, B: p, C: p, LdA: 1, LdB: 1, LdC: 1})
		},
		func() error { return s.Download(host, p) },
		func() error { return s.Sync() },
		func() error { return b.Close() },
		func() error { return g.Close() },
		func() error { return m.Unload() },
		func() error { return e.Close() },
		func() error { return s.Close() },
		func() error { return gpu.Release(p) },
		func() error { return gpu.ReleaseHost(host) },
	} {
		if err := elsewhere(step); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
}

// Goroutines that use two GPUs in turn never meet the context of the other, even if they change threads in the
// middle of a call.
func TestTwoDevices(t *testing.T) {
	first := faked(t)
	second := must(driver.Open(1))(t)
	t.Setenv("FAKE_SLOW", "1")
	var wait sync.WaitGroup
	for i := range 16 {
		gpu, want := first, int64(1<<30)
		if i%2 == 1 {
			gpu, want = second, 2<<30
		}
		wait.Add(1)
		go func() {
			defer wait.Done()
			for range 100 {
				if free, err := gpu.Free(); err != nil || free != want {
					t.Errorf("%d bytes are free, want %d; %v", free, want, err)
					return
				}
			}
		}()
	}
	wait.Wait()
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if _, err := first.Free(); err != nil {
		t.Errorf("closing a GPU twice takes another's context away: %v", err)
	}
}

// A capture that comes to nothing leaves nothing behind.
func TestFailedCapture(t *testing.T) {
	gpu := faked(t)
	s := must(gpu.NewStream())(t)
	wrong := errors.New("wrong")
	if _, err := s.Capture(func() error { return wrong }); err != wrong {
		t.Errorf("the error is %v", err)
	}
	func() {
		defer func() {
			if r := recover(); r != wrong {
				t.Errorf("the panic is %v", r)
			}
		}()
		s.Capture(func() error { panic(wrong) })
	}()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Recorded events of the fake driver lie half a millisecond apart.
func TestSeconds(t *testing.T) {
	w := newWorld(t)
	later := must(w.gpu.NewEvent())(t)
	for _, e := range []driver.Event{w.event, later} {
		if err := w.stream.Record(e); err != nil {
			t.Fatal(err)
		}
	}
	if s := must(later.Since(w.event))(t); s != 0.5e-3 {
		t.Errorf("half a millisecond is %v seconds", s)
	}
}

// Many goroutines, each with a stream and memory of its own.
func TestConcurrently(t *testing.T) {
	gpu := faked(t)
	m := must(gpu.Load(drivertest.Kernels))(t)
	f := must(m.Function("increment"))(t)
	var wait sync.WaitGroup
	for range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			s, err := gpu.NewStream()
			if err != nil {
				t.Error(err)
				return
			}
			for range 50 {
				p, err := gpu.Alloc(256)
				if err == nil {
					err = s.Clear(p, 256)
				}
				if err == nil {
					err = s.Launch(f, driver.Dim{X: 1, Y: 1, Z: 1}, driver.Dim{X: 64, Y: 1, Z: 1}, 0, false, []uint64{uint64(p), 64})
				}
				if err == nil {
					err = gpu.Release(p)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
	}
	wait.Wait()
	if err := m.Unload(); err != nil {
		t.Error(err)
	}
}

// What is called many times in a step does not allocate.
func TestAllocations(t *testing.T) {
	w := newWorld(t)
	args := []uint64{1, 2, 3}
	one := driver.Dim{X: 1, Y: 1, Z: 1}
	m := driver.Matrices{Batch: 1, M: 1, N: 1, K: 1, A: w.at, B: w.at, C: w.at, LdA: 1, LdB: 1, LdC: 1}
	for name, f := range map[string]func() error{
		"Launch":  func() error { return w.stream.Launch(w.function, one, one, 0, false, args) },
		"Upload":  func() error { return w.stream.Upload(w.at, w.host) },
		"Copy":    func() error { return w.stream.Copy(w.at+128, w.at, 64) },
		"Clear":   func() error { return w.stream.Clear(w.at, 64) },
		"Record":  func() error { return w.stream.Record(w.event) },
		"Wait":    func() error { return w.stream.Wait(w.event) },
		"Graph":   func() error { return w.graph.Launch(w.stream) },
		"Product": func() error { return w.blas.Product(m) },
	} {
		n := testing.AllocsPerRun(100, func() {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

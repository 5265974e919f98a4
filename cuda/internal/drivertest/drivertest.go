// Package drivertest checks an implementation of package driver against what its documentation promises: the
// GPU itself, the simulator, or package driver upon the fake libraries. Run is all that the author of one
// needs.
package drivertest

import (
	"errors"
	"strings"
	"testing"
	"unsafe"

	"github.com/unroll-ml/unroll/cuda/driver"
)

// Kernels is a module with increment(address, n), which adds 1 to n floats, and fault(), which writes where nothing is.
const Kernels = `.version 7.8
.target sm_70
.address_size 64

.visible .entry increment(
	.param .u64 address,
	.param .u64 n
)
{
	.reg .pred %p<2>;
	.reg .b32 %r<5>;
	.reg .b64 %rd<6>;
	.reg .f32 %f<3>;

	ld.param.u64 %rd1, [address];
	ld.param.u64 %rd2, [n];
	mov.u32 %r1, %ctaid.x;
	mov.u32 %r2, %ntid.x;
	mov.u32 %r3, %tid.x;
	mad.lo.u32 %r4, %r1, %r2, %r3;
	cvt.u64.u32 %rd3, %r4;
	setp.ge.u64 %p1, %rd3, %rd2;
	@%p1 bra done;
	shl.b64 %rd4, %rd3, 2;
	add.u64 %rd5, %rd1, %rd4;
	ld.global.f32 %f1, [%rd5];
	add.rn.f32 %f2, %f1, 0f3F800000;
	st.global.f32 [%rd5], %f2;
done:
	ret;
}

.visible .entry fault()
{
	.reg .b64 %rd<2>;
	.reg .f32 %f<2>;

	mov.u64 %rd1, 16;
	mov.f32 %f1, 0f3F800000;
	st.global.f32 [%rd1], %f1;
	ret;
}
`

// Run checks the GPUs that open gives, one for each check.
func Run(t *testing.T, open func() (driver.GPU, error)) {
	for _, c := range []struct {
		rule string
		f    func(*rig)
	}{
		{"what goes up comes down, and copies and clearing reach just what they name", copies},
		{"addresses are multiples of 256, and memory that is not there is a MemoryError", memory},
		{"a kernel gets its arguments, and work is done in the order in which it was put", kernels},
		{"kernels that begin early find what those before them have written", early},
		{"a captured graph does nothing until it is launched, and all of it each time", capture},
		{"a capture that fails leaves the stream as it was", failedCapture},
		{"a stream that waits for one that is captured is captured, too, until that one waits for it", fork},
		{"a stream can wait for a point of another, and points are times", events},
		{"products are right for every precision, transposition, leading dimension, stride and batch", products},
		{"products can be captured", capturedProduct},
		{"PTX that is none is a CompileError with the compiler's words", compileError},
		{"a kernel that is not in the module is an error", noKernel},
		{"a kernel that goes wrong loses the GPU, for good", loss},
	} {
		t.Run(c.rule, func(t *testing.T) {
			gpu, err := open()
			if err != nil {
				t.Fatal(err)
			}
			r := &rig{T: t, gpu: gpu}
			defer func() {
				for i := range r.later {
					r.later[len(r.later)-1-i]()
				}
				if err := r.gpu.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}()
			r.stream = r.newStream()
			c.f(r)
		})
	}
}

// rig is one check on one GPU. Its methods end the check if the GPU fails.
type rig struct {
	*testing.T
	gpu    driver.GPU
	stream driver.Stream
	later  []func() // in reverse order
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// finally calls f when the check is over; what it gives must be nil, unless the GPU is lost.
func (r *rig) finally(f func() error) {
	r.later = append(r.later, func() {
		var lost *driver.LostError
		if err := f(); err != nil && !errors.As(err, &lost) {
			r.Error(err)
		}
	})
}

func (r *rig) newStream() driver.Stream {
	s, err := r.gpu.NewStream()
	r.must(err)
	r.finally(s.Close)
	return s
}

func (r *rig) newEvent() driver.Event {
	e, err := r.gpu.NewEvent()
	r.must(err)
	r.finally(e.Close)
	return e
}

func (r *rig) alloc(bytes int64) driver.Ptr {
	p, err := r.gpu.Alloc(bytes)
	r.must(err)
	r.finally(func() error { return r.gpu.Release(p) })
	return p
}

func (r *rig) kernel(name string) driver.Function {
	m, err := r.gpu.Load(Kernels)
	r.must(err)
	r.finally(m.Unload)
	f, err := m.Function(name)
	r.must(err)
	return f
}

// pinned is n elements of pinned memory.
func pinned[T any](r *rig, n int) ([]T, []byte) {
	var t T
	b, err := r.gpu.AllocHost(n * int(unsafe.Sizeof(t)))
	r.must(err)
	r.finally(func() error { return r.gpu.ReleaseHost(b) })
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), n), b
}

// upload puts numbers into new device memory.
func upload[T any](r *rig, x []T) driver.Ptr {
	host, b := pinned[T](r, len(x))
	copy(host, x)
	p := r.alloc(int64(len(b)))
	r.must(r.stream.Upload(p, b))
	r.must(r.stream.Sync())
	return p
}

// download is n numbers from device memory, when the stream has come so far.
func download[T any](r *rig, p driver.Ptr, n int) []T {
	host, b := pinned[T](r, n)
	r.must(r.stream.Download(b, p))
	r.must(r.stream.Sync())
	return append([]T(nil), host...)
}

func floats(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i)
	}
	return x
}

func (r *rig) equal(what string, got, want []float32) {
	r.Helper()
	for i := range want {
		if got[i] != want[i] {
			r.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func copies(r *rig) {
	const n = 1000
	a, b := upload(r, floats(n)), upload(r, make([]float32, n))
	r.must(r.stream.Copy(b+40, a+4, 400)) // a[1:101] to b[10:110]
	r.must(r.stream.Clear(b+400, 12))     // b[100:103]
	want := make([]float32, n)
	copy(want[10:], floats(n)[1:101])
	clear(want[100:103])
	r.equal("after a copy and a clearing", download[float32](r, b, n), want)
	r.equal("the source of a copy", download[float32](r, a, n), floats(n))
	r.must(r.stream.Copy(a, b, 0))
	r.must(r.stream.Clear(a, 0))
	r.must(r.stream.Sync())
}

func memory(r *rig) {
	for _, bytes := range []int64{1, 255, 256, 257, 1 << 20} {
		if p := r.alloc(bytes); p == 0 || p%256 != 0 {
			r.Errorf("%d bytes lie at %#x", bytes, uint64(p))
		}
	}
	free, err := r.gpu.Free()
	r.must(err)
	total := r.gpu.Info().Memory
	if free <= 0 || free > total {
		r.Errorf("%d of %d bytes are free", free, total)
	}
	_, err = r.gpu.Alloc(total + 1)
	var full *driver.MemoryError
	if !errors.As(err, &full) || full.Asked != total+1 || full.Free <= 0 || full.Free > total {
		r.Errorf("more memory than there is: %v", err)
	}
	r.alloc(256) // the GPU goes on
	for _, bytes := range []int64{0, -1} {
		if _, err := r.gpu.Alloc(bytes); err == nil {
			r.Errorf("Alloc(%d) succeeds", bytes)
		}
		if _, err := r.gpu.AllocHost(int(bytes)); err == nil {
			r.Errorf("AllocHost(%d) succeeds", bytes)
		}
	}
}

func kernels(r *rig) {
	f := r.kernel("increment")
	use, err := f.Resources()
	r.must(err)
	if use.Registers <= 0 || use.Local < 0 || use.Shared < 0 {
		r.Errorf("the kernel needs %+v", use)
	}
	const n = 1000
	p := upload(r, floats(n))
	grid, block := driver.Dim{X: 4, Y: 1, Z: 1}, driver.Dim{X: 256, Y: 1, Z: 1}
	args := []uint64{uint64(p), n - 1}
	r.must(r.stream.Launch(f, grid, block, 0, false, args))
	args[1] = 500 // a launch has read its arguments
	r.must(r.stream.Launch(f, grid, block, 0, false, args))
	clear(args)
	want := floats(n)
	for i := range want {
		switch {
		case i < 500:
			want[i] += 2
		case i < n-1:
			want[i]++
		}
	}
	r.equal("after two launches", download[float32](r, p, n), want)
	for _, wrong := range []driver.Dim{{}, {X: -1, Y: 1, Z: 1}, {X: 1, Y: 1}} {
		if r.stream.Launch(f, wrong, block, 0, false, args) == nil || r.stream.Launch(f, grid, wrong, 0, false, args) == nil {
			r.Errorf("a launch of %v succeeds", wrong)
		}
	}
}

// waiting is Kernels, of which all wait for the kernel before them and let the next one begin.
var waiting = strings.NewReplacer("sm_70", "sm_90", "\n\n\tld.param.u64 %rd1",
	"\n\n\tgriddepcontrol.wait;\n\tgriddepcontrol.launch_dependents;\n\tld.param.u64 %rd1").Replace(Kernels)

func early(r *rig) {
	if !r.gpu.Info().Early() {
		r.Skip("this GPU has none")
	}
	m, err := r.gpu.Load(waiting)
	r.must(err)
	r.finally(m.Unload)
	f, err := m.Function("increment")
	r.must(err)
	const n, launches = 1000, 50
	p := upload(r, floats(n))
	chain := func() error {
		for i := range launches {
			err := r.stream.Launch(f, driver.Dim{X: 4, Y: 1, Z: 1}, driver.Dim{X: 256, Y: 1, Z: 1}, 0, i > 0, []uint64{uint64(p), n})
			if err != nil {
				return err
			}
		}
		return nil
	}
	r.must(chain())
	g, err := r.stream.Capture(chain)
	r.must(err)
	r.finally(g.Close)
	r.must(g.Launch(r.stream))
	r.must(g.Launch(r.stream))
	want := floats(n)
	for i := range want {
		want[i] += 3 * launches
	}
	r.equal("after a chain of launches, and two of its graph", download[float32](r, p, n), want)
}

func capture(r *rig) {
	f := r.kernel("increment")
	const n, launches = 100, 300
	p := upload(r, floats(n))
	q := upload(r, make([]float32, n))
	one := driver.Dim{X: 1, Y: 1, Z: 1}
	g, err := r.stream.Capture(func() error {
		args := []uint64{uint64(p), n}
		defer clear(args) // a graph keeps copies
		for range launches {
			if err := r.stream.Launch(f, one, driver.Dim{X: n, Y: 1, Z: 1}, 0, false, args); err != nil {
				return err
			}
		}
		if err := r.stream.Copy(q, p, 4*n); err != nil {
			return err
		}
		return r.stream.Clear(p, 4)
	})
	r.must(err)
	r.finally(g.Close)
	r.equal("after the capture", download[float32](r, p, n), floats(n))
	other := r.newStream()
	for _, s := range []driver.Stream{r.stream, r.stream, other} {
		r.must(g.Launch(s))
		r.must(s.Sync())
	}
	want := floats(n)
	for i := range want {
		want[i] += 3 * launches
	}
	want[0] = launches
	r.equal("the copy, after three launches of the graph", download[float32](r, q, n), want)
	want[0] = 0
	r.equal("after three launches of the graph", download[float32](r, p, n), want)
}

func fork(r *rig) {
	other := r.newStream()
	newEvent := func() driver.Event {
		e, err := r.gpu.NewEvent()
		r.must(err)
		r.finally(e.Close)
		return e
	}
	begins, ends := newEvent(), newEvent()
	const n = 10
	p, q := upload(r, floats(n)), upload(r, make([]float32, n))
	record := func(joins bool) (driver.Graph, error) {
		return r.stream.Capture(func() error {
			r.must(r.stream.Clear(p, 4))
			r.must(r.stream.Record(begins))
			r.must(other.Wait(begins))
			r.must(other.Copy(q, p, 4*n)) // after the first has cleared, before it clears more
			r.must(other.Record(ends))
			if joins {
				r.must(r.stream.Wait(ends))
			}
			return r.stream.Clear(p, 8)
		})
	}
	if g, err := record(false); err == nil {
		r.finally(g.Close)
		r.Error("a capture ends without the stream that it has taken in")
	}
	g, err := record(true)
	r.must(err)
	r.finally(g.Close)
	r.equal("after the captures", download[float32](r, p, n), floats(n))
	r.must(g.Launch(r.stream))
	want := floats(n)
	want[0] = 0
	r.equal("in the other stream, after a launch", download[float32](r, q, n), want)
	want[1] = 0
	r.equal("after a launch", download[float32](r, p, n), want)
	r.must(other.Clear(q, 4*n)) // is done at once again
	r.must(other.Sync())
	r.equal("after all", download[float32](r, q, n), make([]float32, n))
}

func failedCapture(r *rig) {
	p := upload(r, floats(10))
	wrong := errors.New("wrong")
	g, err := r.stream.Capture(func() error {
		r.must(r.stream.Clear(p, 40))
		return wrong
	})
	if !errors.Is(err, wrong) || g != nil {
		r.Errorf("a capture that fails gives %v, %v", g, err)
	}
	r.equal("after a capture that failed", download[float32](r, p, 10), floats(10))
	func() {
		defer func() {
			if recover() == nil {
				r.Error("a panic in a capture is swallowed")
			}
		}()
		r.stream.Capture(func() error { panic("wrong") })
	}()
	r.must(r.stream.Clear(p, 40))
	r.equal("after a capture that panicked", download[float32](r, p, 10), make([]float32, 10))
}

func events(r *rig) {
	before, after := r.newEvent(), r.newEvent()
	r.must(after.Sync()) // never recorded
	p := r.alloc(1 << 20)
	r.must(r.stream.Record(before))
	r.must(r.stream.Clear(p, 1<<20))
	r.must(r.stream.Record(after))
	other := r.newStream()
	r.must(other.Wait(after))
	host, b := pinned[float32](r, 1)
	host[0] = 1
	r.must(other.Download(b, p))
	r.must(other.Sync())
	if host[0] != 0 {
		r.Errorf("a stream did not wait: it saw %v", host[0])
	}
	r.must(after.Sync())
	if s, err := after.Since(before); err != nil || s <= 0 || s > 10 {
		r.Errorf("clearing 1 MiB took %v seconds, %v", s, err)
	}
}

func compileError(r *rig) {
	_, err := r.gpu.Load("this is no PTX")
	var refused *driver.CompileError
	if !errors.As(err, &refused) || refused.Log == "" {
		r.Errorf("no PTX gives %v", err)
	}
	r.kernel("increment") // the GPU goes on
}

func noKernel(r *rig) {
	m, err := r.gpu.Load(Kernels)
	r.must(err)
	r.finally(m.Unload)
	if _, err := m.Function("decrement"); err == nil {
		r.Error("a module without decrement gives it")
	}
}

func loss(r *rig) {
	f := r.kernel("fault")
	one := driver.Dim{X: 1, Y: 1, Z: 1}
	err := r.stream.Launch(f, one, one, 0, false, nil)
	if err == nil {
		err = r.stream.Sync()
	}
	var lost *driver.LostError
	if !errors.As(err, &lost) {
		r.Fatalf("a kernel that writes where nothing is gives %v", err)
	}
	if err := r.stream.Sync(); !errors.As(err, &lost) {
		r.Errorf("later, Sync gives %v", err)
	}
	if _, err := r.gpu.Alloc(1); !errors.As(err, &lost) {
		r.Errorf("later, Alloc gives %v", err)
	}
	r.later = nil // what is lost needs no giving back
}

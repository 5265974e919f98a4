//go:build gpu && linux && cgo

package driver_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/cuda/driver"
)

func TestInfo(t *testing.T) {
	gpu := faked(t)
	want := driver.Info{
		Name: "Fake GPU 0", UUID: "GPU-00000000-0000-0000-0000-000000000000", Compute: driver.Version{Major: 9}, Driver: driver.Version{Major: 12, Minor: 4},
		BLAS:            driver.Version{Major: 12, Minor: 6},
		Multiprocessors: 132, SharedPerBlock: 49152, MaxThreads: 1024, Memory: 1 << 30, ClockKHz: 3201000, BusBit: 6144,
	}
	if diff := cmp.Diff(want, gpu.Info()); diff != "" {
		t.Error(diff)
	}
	for _, ordinal := range []int{-1, 2} {
		_, err := driver.Open(ordinal)
		if want := fmt.Sprintf("no GPU: there is no GPU %d: the driver shows 2", ordinal); err == nil || err.Error() != want {
			t.Errorf("Open(%d) gives %v, want %s", ordinal, err, want)
		}
	}
}

// What the driver and cuBLAS are asked, argument by argument.
func TestCalls(t *testing.T) {
	gpu := faked(t)
	var calls []string
	note := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, control.Calls()...)
	}
	s := must(gpu.NewStream())(t)
	note(nil)
	e := must(gpu.NewEvent())(t)
	note(nil)
	host := must(gpu.AllocHost(24))(t)
	note(nil)
	p := must(gpu.Alloc(1000))(t)
	note(nil)
	m := must(gpu.Load(".version 7.0\n.entry f(.param .u64 a, .param .u64 b)"))(t)
	note(nil)
	f := must(m.Function("f"))(t)
	note(nil)
	if got, want := must(f.Resources())(t), (driver.Resources{Registers: 32, Local: 8, Shared: 256}); got != want {
		t.Errorf("resources %+v, want %+v", got, want)
	}
	note(nil)
	note(s.Launch(f, driver.Dim{X: 1, Y: 2, Z: 3}, driver.Dim{X: 4, Y: 5, Z: 6}, 7, false, []uint64{8, 1 << 63}))
	note(s.Launch(f, driver.Dim{X: 1, Y: 2, Z: 3}, driver.Dim{X: 4, Y: 5, Z: 6}, 7, true, []uint64{8, 1 << 63}))
	note(s.Upload(p+8, host[:16]))
	note(s.Download(host[:12], p))
	note(s.Copy(p+512, p, 400))
	note(s.Clear(p, 99))
	note(s.Record(e))
	note(s.Wait(e))
	note(e.Sync())
	g := must(s.Capture(func() error { return s.Clear(p, 5) }))(t)
	note(nil)
	note(g.Launch(s))
	note(g.Close())
	b := must(gpu.NewBLAS(s))(t)
	note(nil)
	for precision := range driver.Float64 + 1 {
		note(b.Product(driver.Matrices{Precision: precision, TransA: true, Batch: 1, M: 2, N: 3, K: 4, A: p, B: p,
			C: p + 512, LdA: 5, LdB: 6, LdC: 7}))
	}
	note(b.Product(driver.Matrices{
		TransB: true, Batch: 2, M: 2, N: 3, K: 4, A: p, B: p, C: p + 512, LdA: 5, LdB: 6, LdC: 7, StrideA: 50, StrideB: 0,
		StrideC: 14, Beta: 1,
	}))
	note(b.Close())
	note(s.Sync())
	note(s.Close())
	note(e.Close())
	note(m.Unload())
	note(gpu.Release(p))
	note(gpu.ReleaseHost(host))
	for i, c := range calls { // addresses differ from run to run
		c = strings.ReplaceAll(c, fmt.Sprintf("%#x", uint64(p)), "P")
		calls[i] = strings.ReplaceAll(c, fmt.Sprintf("%p", host), "HOST")
	}
	want := []string{
		"cuStreamCreate(1)", // non-blocking
		"cuEventCreate(0)",
		"cuMemAllocHost_v2(24)",
		"cuMemAlloc_v2(1000)",
		"cuModuleLoadDataEx(2)", // the log and its size
		"cuModuleGetFunction(f)",
		"cuFuncGetAttribute(f, 4)", "cuFuncGetAttribute(f, 3)", "cuFuncGetAttribute(f, 1)",
		"cuLaunchKernel(f, 1 2 3, 4 5 6, 7, 0x8 0x8000000000000000, (nil))",
		"cuLaunchKernelEx(f, 1 2 3, 4 5 6, 7, 0x8 0x8000000000000000, (nil); attribute 6 of 1: 1)",
		"cuMemcpyHtoDAsync_v2(16)",
		"cuMemcpyDtoHAsync_v2(12)",
		"cuMemcpyDtoDAsync_v2(400)",
		"cuMemsetD8Async(0, 99)",
		"cuEventRecord(flags=1)",
		"cuStreamWaitEvent(at=AT, 0)",
		"cuEventSynchronize(at=AT)",
		"cuStreamBeginCapture_v2(2)", // relaxed
		"cuMemsetD8Async(0, 5)", "cuStreamEndCapture()", "cuGraphInstantiateWithFlags(nodes=1, 0)", "cuGraphDestroy()",
		"cuGraphLaunch(nodes=1)",
		"cuGraphExecDestroy()",
		"cuMemAlloc_v2(33554432)", // 32 MiB for compute capability 9.0
		"cublasCreate_v2()", "cublasSetStream_v2()", "cublasSetWorkspace_v2(33554432)",
		// op(A) op(B), m n k, then type and leading dimension of A, B and C, compute type, algorithm.
		"cublasGemmEx(0 1, 3 2 4, 0 6, 0 5, 0 7, 68, -1)",
		"cublasGemmEx(0 1, 3 2 4, 0 6, 0 5, 0 7, 77, -1)",
		"cublasGemmEx(0 1, 3 2 4, 14 6, 14 5, 0 7, 68, -1)",
		"cublasGemmEx(0 1, 3 2 4, 1 6, 1 5, 1 7, 70, -1)",
		"cublasGemmStridedBatchedEx(1 0, 3 2 4, 0 6 0, 0 5 50, 0 7 14, 2, 68, -1)",
		"cublasDestroy_v2()", "cuMemFree_v2(WORKSPACE)",
		"cuStreamSynchronize()",
		"cuStreamSynchronize()", "cuStreamDestroy_v2()",
		"cuEventDestroy_v2()",
		"cuModuleUnload()",
		"cuMemFree_v2(P)",
		"cuMemFreeHost(HOST)",
	}
	for i, c := range calls {
		if i >= len(want) {
			break
		}
		for _, varying := range []string{"AT", "WORKSPACE"} {
			before, after, ok := strings.Cut(want[i], varying)
			if ok && strings.HasPrefix(c, before) && strings.HasSuffix(c, after) {
				calls[i] = want[i]
			}
		}
	}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Error(diff)
	}
}

// Every call, when it fails, gives an error that names it and says why in the driver's words, and nothing stays behind.
func TestEveryCallFails(t *testing.T) {
	const (
		invalid = 1  // CUDA_ERROR_INVALID_VALUE
		refused = 15 // CUBLAS_STATUS_NOT_SUPPORTED
	)
	one := driver.Dim{X: 1, Y: 1, Z: 1}
	product := func(w *world, batch int) error {
		return w.blas.Product(driver.Matrices{Batch: batch, M: 1, N: 1, K: 1, A: w.at, B: w.at, C: w.at, LdA: 1,
			LdB: 1, LdC: 1})
	}
	for _, c := range []struct {
		call string
		code int
		want string
		f    func(w *world) error
	}{
		{"cuMemGetInfo_v2", invalid, "cuMemGetInfo: invalid argument (CUDA error 1)", func(w *world) error { _, err := w.gpu.Free(); return err }},
		{"cuMemAlloc_v2", invalid, "cuMemAlloc: invalid argument (CUDA error 1)", func(w *world) error { _, err := w.gpu.Alloc(1); return err }},
		{"cuMemAlloc_v2", 2, "out of device memory: 100 bytes asked for, FREE free", func(w *world) error { _, err := w.gpu.Alloc(100); return err }},
		{"cuMemFree_v2", invalid, "cuMemFree: invalid argument (CUDA error 1)", func(w *world) error { return w.gpu.Release(w.at) }},
		{"cuMemAllocHost_v2", invalid, "cuMemAllocHost: invalid argument (CUDA error 1)", func(w *world) error { _, err := w.gpu.AllocHost(1); return err }},
		{"cuMemAllocHost_v2", 2, "the system has no 100 bytes of host memory left to pin", func(w *world) error { _, err := w.gpu.AllocHost(100); return err }},
		{"cuMemFreeHost", invalid, "cuMemFreeHost: invalid argument (CUDA error 1)", func(w *world) error { return w.gpu.ReleaseHost(w.host) }},
		{"cuModuleLoadDataEx", invalid, "cuModuleLoadDataEx: invalid argument (CUDA error 1)", func(w *world) error { _, err := w.gpu.Load(".version"); return err }},
		{"cuModuleLoadDataEx", 222, "the driver refuses the PTX: some error (CUDA error 222)", func(w *world) error { _, err := w.gpu.Load(".version"); return err }},
		{"cuModuleUnload", invalid, "cuModuleUnload: invalid argument (CUDA error 1)", func(w *world) error { return w.module.Unload() }},
		{"cuModuleGetFunction", 500, `kernel "g": cuModuleGetFunction: named symbol not found (CUDA error 500)`, func(w *world) error { _, err := w.module.Function("g"); return err }},
		{"cuFuncGetAttribute", invalid, "cuFuncGetAttribute: invalid argument (CUDA error 1)", func(w *world) error { _, err := w.function.Resources(); return err }},
		{"cuStreamCreate", invalid, "cuStreamCreate: invalid argument (CUDA error 1)", func(w *world) error { _, err := w.gpu.NewStream(); return err }},
		{"cuStreamSynchronize", invalid, "cuStreamSynchronize: invalid argument (CUDA error 1)", func(w *world) error { return w.stream.Close() }},
		{"cuStreamDestroy_v2", invalid, "cuStreamDestroy: invalid argument (CUDA error 1)", func(w *world) error { return w.stream.Close() }},
		{"cuLaunchKernel", 701, "cuLaunchKernel: some error (CUDA error 701)", func(w *world) error { return w.stream.Launch(w.function, one, one, 0, false, nil) }},
		{"cuLaunchKernel", 2, "cuLaunchKernel: out of device memory: FREE bytes free", func(w *world) error { return w.stream.Launch(w.function, one, one, 0, false, nil) }},
		{"cuLaunchKernelEx", invalid, "cuLaunchKernelEx: invalid argument (CUDA error 1)", func(w *world) error { return w.stream.Launch(w.function, one, one, 0, true, nil) }},
		{"cuLaunchKernel", 12345, "cuLaunchKernel: CUDA error 12345", func(w *world) error { return w.stream.Launch(w.function, one, one, 0, false, nil) }},
		{"cuMemcpyHtoDAsync_v2", invalid, "cuMemcpyHtoDAsync: invalid argument (CUDA error 1)", func(w *world) error { return w.stream.Upload(w.at, w.host) }},
		{"cuMemcpyDtoHAsync_v2", invalid, "cuMemcpyDtoHAsync: invalid argument (CUDA error 1)", func(w *world) error { return w.stream.Download(w.host, w.at) }},
		{"cuMemcpyDtoDAsync_v2", invalid, "cuMemcpyDtoDAsync: invalid argument (CUDA error 1)", func(w *world) error { return w.stream.Copy(w.at, w.at, 4) }},
		{"cuMemsetD8Async", invalid, "cuMemsetD8Async: invalid argument (CUDA error 1)", func(w *world) error { return w.stream.Clear(w.at, 4) }},
		{"cuEventRecord", invalid, "cuEventRecord: invalid argument (CUDA error 1)", func(w *world) error { return w.stream.Record(w.event) }},
		{"cuStreamWaitEvent", invalid, "cuStreamWaitEvent: invalid argument (CUDA error 1)", func(w *world) error { return w.stream.Wait(w.event) }},
		{"cuEventCreate", invalid, "cuEventCreate: invalid argument (CUDA error 1)", func(w *world) error { _, err := w.gpu.NewEvent(); return err }},
		{"cuEventSynchronize", invalid, "cuEventSynchronize: invalid argument (CUDA error 1)", func(w *world) error { return w.event.Sync() }},
		{"cuEventElapsedTime", invalid, "cuEventElapsedTime: invalid argument (CUDA error 1)", func(w *world) error { _, err := w.event.Since(w.event); return err }},
		{"cuEventDestroy_v2", invalid, "cuEventDestroy: invalid argument (CUDA error 1)", func(w *world) error { return w.event.Close() }},
		{"cuStreamBeginCapture_v2", invalid, "cuStreamBeginCapture: invalid argument (CUDA error 1)", func(w *world) error { return w.capture() }},
		{"cuGraphInstantiateWithFlags", invalid, "cuGraphInstantiateWithFlags: invalid argument (CUDA error 1)", func(w *world) error { return w.capture() }},
		{"cuGraphLaunch", invalid, "cuGraphLaunch: invalid argument (CUDA error 1)", func(w *world) error { return w.graph.Launch(w.stream) }},
		{"cuGraphExecDestroy", invalid, "cuGraphExecDestroy: invalid argument (CUDA error 1)", func(w *world) error { return w.graph.Close() }},
		{"cuMemAlloc_v2", 2, "the workspace of cuBLAS: out of device memory: 33554432 bytes asked for, FREE free", func(w *world) error { _, err := w.gpu.NewBLAS(w.stream); return err }},
		{"cublasCreate_v2", 3, "cublasCreate: out of device memory: LESS bytes free", func(w *world) error { _, err := w.gpu.NewBLAS(w.stream); return err }},
		{"cublasSetStream_v2", refused, "cublasSetStream: not supported (cuBLAS status 15)", func(w *world) error { _, err := w.gpu.NewBLAS(w.stream); return err }},
		{"cublasSetWorkspace_v2", refused, "cublasSetWorkspace: not supported (cuBLAS status 15)", func(w *world) error { _, err := w.gpu.NewBLAS(w.stream); return err }},
		{"cublasGemmEx", refused, "1 × 1×1×1: cublasGemm: not supported (cuBLAS status 15)", func(w *world) error { return product(w, 1) }},
		{"cublasGemmStridedBatchedEx", 99, "2 × 1×1×1: cublasGemm: unknown status (cuBLAS status 99)", func(w *world) error { return product(w, 2) }},
		{"cublasDestroy_v2", refused, "cublasDestroy: not supported (cuBLAS status 15)", func(w *world) error { return w.blas.Close() }},
	} {
		t.Run(fmt.Sprint(c.call, "=", c.code), func(t *testing.T) {
			w := newWorld(t)
			free := must(w.gpu.Free())(t)
			want := strings.NewReplacer("FREE", fmt.Sprint(free), "LESS", fmt.Sprint(free-32<<20)).Replace(c.want)
			before := control.Live()
			control.Fail(c.call, c.code, 0)
			err := c.f(w)
			if err == nil || err.Error() != want {
				t.Errorf("the error is %q, want %q", err, want)
			}
			if n := control.Live() - before; n > 0 {
				t.Errorf("%d things stay behind", n)
			}
			if err := w.stream.Record(w.event); err != nil && !strings.HasPrefix(c.call, "cuStreamDestroy") {
				t.Errorf("the GPU does not go on: %v", err)
			}
		})
	}
}

// cuBLAS is not asked for what it would refuse: its error could not say what was wrong.
func TestProductsRefused(t *testing.T) {
	w := newWorld(t)
	right := driver.Matrices{Batch: 1, M: 2, N: 3, K: 4, LdA: 4, LdB: 3, LdC: 3}
	for want, spoil := range map[string]func(m *driver.Matrices){
		"product with leading dimensions 3, 3, 3: must be at least 4, 3, 3":                       func(m *driver.Matrices) { m.LdA = 3 },
		"product with leading dimensions 4, 2, 3: must be at least 4, 3, 3":                       func(m *driver.Matrices) { m.LdB = 2 },
		"product with leading dimensions 4, 3, 2: must be at least 4, 3, 3":                       func(m *driver.Matrices) { m.LdC = 2 },
		"product with leading dimensions 1, 3, 3: must be at least 2, 4, 3":                       func(m *driver.Matrices) { m.TransA, m.TransB, m.LdA = true, true, 1 },
		"product with β = 0.5, must be 0 or 1":                                                    func(m *driver.Matrices) { m.Beta = 0.5 },
		"product of unknown precision 4":                                                          func(m *driver.Matrices) { m.Precision = 4 },
		"product of 0 × 2×4×3, leading dimensions 4, 3, 3: all must be at least 1, and below 2³¹": func(m *driver.Matrices) { m.Batch = 0 },
	} {
		m := right
		spoil(&m)
		control.Calls()
		if err := w.blas.Product(m); err == nil || err.Error() != want {
			t.Errorf("the error is %v, want %s", err, want)
		}
		if calls := control.Calls(); calls[0] != "" {
			t.Errorf("%s: cuBLAS is called: %v", want, calls)
		}
	}
}

// world is one of everything on a fake GPU, which is not asked whether all was given back.
type world struct {
	gpu      driver.GPU
	at       driver.Ptr
	host     []byte
	module   driver.Module
	function driver.Function
	stream   driver.Stream
	event    driver.Event
	graph    driver.Graph
	blas     driver.BLAS
}

func newWorld(t *testing.T) *world {
	if os.Getenv(onGPU) != "" {
		t.Skip("needs the fake driver")
	}
	w := &world{gpu: must(driver.Open(0))(t)}
	w.at = must(w.gpu.Alloc(256))(t)
	w.host = must(w.gpu.AllocHost(16))(t)
	w.module = must(w.gpu.Load(".version 7.0\n.entry f()"))(t)
	w.function = must(w.module.Function("f"))(t)
	w.stream = must(w.gpu.NewStream())(t)
	w.event = must(w.gpu.NewEvent())(t)
	w.graph = must(w.stream.Capture(func() error { return nil }))(t)
	w.blas = must(w.gpu.NewBLAS(w.stream))(t)
	t.Cleanup(func() {
		w.gpu.Close()
		control.Calls()
	})
	return w
}

func (w *world) capture() error {
	_, err := w.stream.Capture(func() error { return w.stream.Clear(w.at, 4) })
	return err
}

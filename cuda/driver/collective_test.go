//go:build gpu && linux && cgo

package driver_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/cuda/driver"
)

// sayCollectives says what a GPU knows of collectives.
func sayCollectives(gpu driver.GPU) {
	v, err := gpu.Collectives()
	var none *driver.NoCollectivesError
	if err != nil && !errors.As(err, &none) {
		fmt.Printf("%T: ", err)
	}
	fmt.Println(v, err)
}

// Libraries that cannot be used, each in a process of its own.
func TestCollectives(t *testing.T) {
	if os.Getenv(onGPU) != "" {
		t.Skip("needs the fake driver")
	}
	for env, want := range map[string]string{
		"FAKE_NCCL=22703": "2.27 <nil>",
		"FAKE_NCCL=21403": "2.14 <nil>",
		"UNROLL_LIBNCCL=libnccl.so.0": "0.0 no NCCL: libnccl.so.0: cannot open shared object file: No such file or directory; " +
			"install NCCL 2, or name its file in UNROLL_LIBNCCL",
		"FAKE_NCCL=21304": "2.13 no NCCL: the library is NCCL 2.13, needed is 2.14 or newer",
		"FAKE_NCCL=2804":  "2.8 no NCCL: the library is NCCL 2.8, needed is 2.14 or newer",
		"UNROLL_LIBNCCL=" + os.Getenv("UNROLL_LIBCUBLAS"): "0.0 no NCCL: ncclGetVersion: the library has no function " +
			"ncclGetVersion: it is too old",
	} {
		if got := open(t, asCollective+"=1", env); got != want {
			t.Errorf("%s\ngot:  %s\nwant: %s", env, got, want)
		}
	}
}

// ranks are two GPUs that have joined, closed when the test ends.
func ranks(t *testing.T) (gpus [2]driver.GPU, cs [2]driver.Collective) {
	t.Helper()
	gpus = [2]driver.GPU{faked(t), must(driver.Open(1))(t)}
	t.Cleanup(func() { gpus[1].Close() })
	id := must(gpus[0].NewCollective())(t)
	both(func(rank int) { cs[rank] = must(gpus[rank].Join(id, rank, 2))(t) })
	return gpus, cs
}

func both(f func(rank int)) {
	var all sync.WaitGroup
	for rank := range 2 {
		all.Go(func() { f(rank) })
	}
	all.Wait()
}

// What NCCL is asked, argument by argument.
func TestCollectiveCalls(t *testing.T) {
	gpus, cs := ranks(t)
	said := func(calls []string) (of string) { // by rank 1, or by nobody in particular
		for _, c := range calls {
			if strings.HasPrefix(c, "nccl") && !strings.HasPrefix(c, "ncclAllReduce(0") {
				of += c + "\n"
			}
		}
		return of
	}
	if got := said(control.Calls()); !strings.Contains(got, "ncclGetUniqueId()\n") ||
		!strings.Contains(got, "ncclCommInitRank(2, 0)\n") || !strings.Contains(got, "ncclCommInitRank(2, 1)\n") {
		t.Errorf("joining: %s", got)
	}
	both(func(rank int) {
		s, p := must(gpus[rank].NewStream())(t), must(gpus[rank].Alloc(512))(t)
		for _, err := range []error{s.Clear(p, 512), cs[rank].Sum(s, p, p, 30), cs[rank].Sum(s, p+256, p, 40), cs[rank].Sum(s, p, p, 0),
			s.Close(), gpus[rank].Release(p)} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	want := "ncclAllReduce(1 of 2, in place, 30, 7, 0, capturing=0)\nncclAllReduce(1 of 2, apart, 40, 7, 0, capturing=0)\n"
	if diff := cmp.Diff(want, said(control.Calls())); diff != "" {
		t.Error(diff)
	}
	for _, c := range cs {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	want = "ncclCommGetAsyncError(0)\nncclCommDestroy(0)\nncclCommGetAsyncError(1)\nncclCommDestroy(1)\n"
	if diff := cmp.Diff(want, said(control.Calls())); diff != "" {
		t.Error(diff)
	}
}

// What NCCL says is an error with the rank, and NCCL's own words; a collective that failed is aborted, not destroyed.
func TestCollectiveErrors(t *testing.T) {
	gpus, cs := ranks(t)
	s, p := must(gpus[1].NewStream())(t), must(gpus[1].Alloc(512))(t)
	for _, c := range []struct {
		function string
		code     int
		f        func() error
		want     string
	}{
		{"ncclAllReduce", 2, func() error { return cs[1].Sum(s, p, p, 3) },
			"rank 1 of 2: ncclAllReduce: unhandled system error (NCCL error 2): on purpose"},
		{"ncclCommGetAsyncError", 5, cs[1].Failed,
			"rank 1 of 2: ncclCommGetAsyncError: invalid usage (NCCL error 5): on purpose"},
		{"ncclGetUniqueId", 3, func() error { _, err := gpus[1].NewCollective(); return err },
			"ncclGetUniqueId: internal error (NCCL error 3): on purpose"},
		{"ncclCommInitRank", 6, func() error { _, err := gpus[1].Join(make([]byte, 128), 0, 1); return err },
			"rank 0 of 1: ncclCommInitRank: remote process exited or there was a network error (NCCL error 6): on purpose"},
	} {
		control.Fail(c.function, c.code, 0)
		if err := c.f(); err == nil || err.Error() != c.want {
			t.Errorf("%s: the error is %v, want %s", c.function, err, c.want)
		}
	}
	if _, err := gpus[1].Join(make([]byte, 127), 0, 1); err == nil {
		t.Error("an id of 127 bytes is taken")
	}
	for _, err := range []error{s.Close(), gpus[1].Release(p), cs[0].Close()} {
		if err != nil {
			t.Error(err)
		}
	}
	control.Calls()
	control.Fail("ncclCommGetAsyncError", 6, 0)
	if err := cs[1].Close(); err != nil {
		t.Error(err)
	}
	if calls := control.Calls(); !cmp.Equal(calls, []string{"ncclCommGetAsyncError(1)", "ncclCommAbort(1)"}) {
		t.Errorf("a collective that failed is closed by %v", calls)
	}
}

// Two ranks on one GPU are refused by NCCL.
func TestCollectiveOneGPU(t *testing.T) {
	gpus := [2]driver.GPU{faked(t), must(driver.Open(0))(t)}
	defer gpus[1].Close()
	id := must(gpus[0].NewCollective())(t)
	both(func(rank int) {
		var refused *driver.CollectiveError
		if _, err := gpus[rank].Join(id, rank, 2); !errors.As(err, &refused) || refused.Rank != rank ||
			!strings.HasSuffix(refused.Text, "invalid usage (NCCL error 5): two ranks use the same GPU") {
			t.Errorf("rank %d: %v", rank, err)
		}
	})
}

//go:build gpu && linux && cgo

package driver

/*
#include <nccl.h>

// The GPU of a rank is that of the context which is current: so the runtime, which NCCL calls, understands it.
static ncclResult_t joinRanks(CUcontext context, ncclComm_t *comm, int ranks, const void *id, int rank, CUresult *entered) {
	ncclUniqueId all;
	__builtin_memcpy(&all, id, sizeof all);
	if ((*entered = cuCtxSetCurrent(context))) return ncclSuccess;
	return ncclCommInitRank(comm, ranks, all, rank);
}

static ncclResult_t allReduce(CUcontext context, ncclComm_t comm, CUdeviceptr to, CUdeviceptr from, size_t n, CUstream stream,
	CUresult *entered) {
	if ((*entered = cuCtxSetCurrent(context))) return ncclSuccess;
	return ncclAllReduce((const void *)from, (void *)to, n, ncclFloat32, ncclSum, comm, stream);
}

static ncclResult_t leaveRanks(CUcontext context, ncclComm_t comm, int failed, CUresult *entered) {
	if ((*entered = cuCtxSetCurrent(context))) return ncclSuccess;
	return failed ? ncclCommAbort(comm) : ncclCommDestroy(comm);
}
*/
import "C"

import (
	"fmt"
	"strings"
	"sync"
	"unsafe"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda/driver/internal/dl"
)

// nccl loads the library, once: libnccl.so.2 where the dynamic loader finds it, or the file that UNROLL_LIBNCCL names.
var nccl = sync.OnceValues(func() (v Version, err error) {
	if err := load(dl.NCCL, "UNROLL_LIBNCCL", "libnccl.so.2"); err != nil {
		return v, &NoCollectivesError{fmt.Sprintf("%v; install NCCL %d, or name its file in UNROLL_LIBNCCL", err,
			OldestNCCL.Major)}
	}
	var code C.int
	if r := C.ncclGetVersion(&code); r != C.ncclSuccess {
		return v, &NoCollectivesError{"ncclGetVersion: " + ncclText(r)}
	}
	v = Version{int(code) / 10000, int(code) % 10000 / 100} // such as 22703
	if code < 10000 {                                       // before 2.9 such as 2804
		v = Version{int(code) / 1000, int(code) % 1000 / 100}
	}
	if v.before(OldestNCCL) {
		return v, &NoCollectivesError{fmt.Sprintf("the library is NCCL %v, needed is %v or newer", v, OldestNCCL)}
	}
	return v, nil
})

// ncclText is what NCCL says of a result.
func ncclText(r C.ncclResult_t) string {
	if r == dl.NoSymbol {
		return result(dl.NoSymbol).Error()
	}
	text := fmt.Sprintf("%s (NCCL error %d)", C.GoString(C.ncclGetErrorString(r)), int(r))
	if last := strings.Join(strings.Fields(C.GoString(C.ncclGetLastError(nil))), " "); last != "" {
		text += ": " + last
	}
	return text
}

func (d *device) Collectives() (Version, error) { return nccl() }

func (d *device) NewCollective() ([]byte, error) {
	if _, err := nccl(); err != nil {
		return nil, err
	}
	var id C.ncclUniqueId
	if r := C.ncclGetUniqueId(&id); r != C.ncclSuccess {
		return nil, errors.Errorf("ncclGetUniqueId: %s", ncclText(r))
	}
	return C.GoBytes(unsafe.Pointer(&id), C.int(unsafe.Sizeof(id))), nil
}

// collective is a communicator of NCCL.
type collective struct {
	gpu        *device
	comm       C.ncclComm_t
	rank, size int
}

// Join must not be called while a stream captures.
func (d *device) Join(id []byte, rank, size int) (Collective, error) {
	if _, err := nccl(); err != nil {
		return nil, err
	}
	if len(id) != int(unsafe.Sizeof(C.ncclUniqueId{})) {
		return nil, errors.Errorf("what names a collective has %d bytes, not %d", len(id), unsafe.Sizeof(C.ncclUniqueId{}))
	}
	c := &collective{gpu: d, rank: rank, size: size}
	var entered C.CUresult
	r := C.joinRanks(d.ctx(), &c.comm, C.int(size), unsafe.Pointer(&id[0]), C.int(rank), &entered)
	if err := c.failure("ncclCommInitRank", r, entered); err != nil {
		return nil, err
	}
	return c, nil
}

// failure is the error of a call.
func (c *collective) failure(op string, r C.ncclResult_t, entered C.CUresult) error {
	if err := c.gpu.failure(op, entered); err != nil {
		return err
	}
	if r == C.ncclSuccess {
		return nil
	}
	return &CollectiveError{op, c.rank, c.size, ncclText(r)}
}

func (c *collective) Sum(s Stream, to, from Ptr, n int) error {
	on := s.(*stream)
	if err := on.usable(); err != nil || n == 0 {
		return err
	}
	if on.captures {
		return errors.New("a stream that is being captured cannot make sums with other GPUs")
	}
	var entered C.CUresult
	r := C.allReduce(c.gpu.ctx(), c.comm, C.CUdeviceptr(to), C.CUdeviceptr(from), C.size_t(n), on.handle, &entered)
	err := c.failure("ncclAllReduce", r, entered)
	if r != C.ncclSuccess {
		if lost := on.broken("ncclAllReduce"); lost != nil { // what made it fail may be an earlier failure of the GPU
			return lost
		}
	}
	return err
}

func (c *collective) Failed() error {
	var later C.ncclResult_t
	if r := C.ncclCommGetAsyncError(c.comm, &later); r != C.ncclSuccess {
		return c.failure("ncclCommGetAsyncError", r, C.CUDA_SUCCESS)
	}
	if later == C.ncclInProgress {
		return nil
	}
	return c.failure("a sum", later, C.CUDA_SUCCESS)
}

func (c *collective) Close() error {
	op, failed := "ncclCommDestroy", C.int(0)
	if c.gpu.lost.Load() != nil || c.Failed() != nil {
		op, failed = "ncclCommAbort", 1
	}
	var entered C.CUresult
	r := C.leaveRanks(c.gpu.ctx(), c.comm, failed, &entered)
	return c.failure(op, r, entered)
}

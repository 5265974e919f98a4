//go:build gpu && linux && cgo

package driver

/*
#include <cuda.h>

// Pinned host memory is not in gorgonia.org/cu.
static CUresult allocHost(CUcontext context, void **address, size_t bytes) {
	CUresult r = cuCtxSetCurrent(context);
	return r ? r : cuMemAllocHost(address, bytes);
}

static CUresult freeHost(CUcontext context, void *address) {
	CUresult r = cuCtxSetCurrent(context);
	return r ? r : cuMemFreeHost(address);
}
*/
import "C"

import (
	"unsafe"

	"github.com/pkg/errors"
	"gorgonia.org/cu"
)

func (d *device) Free() (free int64, err error) {
	err = d.do("cuMemGetInfo", func() (err error) {
		free, _, err = cu.MemInfo()
		return err
	})
	return free, err
}

func (d *device) Alloc(bytes int64) (p Ptr, err error) {
	if bytes <= 0 {
		return 0, errors.Errorf("an allocation of %d bytes of device memory", bytes)
	}
	err = d.do("cuMemAlloc", func() error {
		at, err := cu.MemAlloc(bytes)
		p = Ptr(at)
		return err
	})
	var full *MemoryError
	if errors.As(err, &full) {
		full.Asked = bytes
		return 0, full
	}
	return p, err
}

func (d *device) Release(p Ptr) error {
	return d.do("cuMemFree", func() error { return cu.MemFree(cu.DevicePtr(p)) })
}

func (d *device) AllocHost(bytes int) ([]byte, error) {
	if bytes <= 0 {
		return nil, errors.Errorf("an allocation of %d bytes of pinned memory", bytes)
	}
	if lost := d.lost.Load(); lost != nil {
		return nil, lost
	}
	var p unsafe.Pointer
	switch r := C.allocHost(d.ctx(), &p, C.size_t(bytes)); r {
	case C.CUDA_SUCCESS:
		return unsafe.Slice((*byte)(p), bytes), nil
	case C.CUDA_ERROR_OUT_OF_MEMORY:
		return nil, errors.Errorf("the system has no %d bytes of host memory left to pin", bytes)
	default:
		return nil, d.failure("cuMemAllocHost", r)
	}
}

func (d *device) ReleaseHost(b []byte) error {
	return d.failure("cuMemFreeHost", C.freeHost(d.ctx(), unsafe.Pointer(unsafe.SliceData(b))))
}

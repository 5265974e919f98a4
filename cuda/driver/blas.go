//go:build gpu && linux && cgo

package driver

/*
#include <cublas_v2.h>

static CUresult createBLAS(CUcontext context, CUstream stream, CUdeviceptr workspace, size_t bytes, cublasHandle_t *handle,
	const char **op, cublasStatus_t *status) {
	*op = "cuCtxSetCurrent";
	CUresult r = cuCtxSetCurrent(context);
	if (r) return r;
	*op = "cublasCreate";
	if ((*status = cublasCreate_v2(handle))) return CUDA_SUCCESS;
	*op = "cublasSetStream";
	*status = cublasSetStream_v2(*handle, stream);
	if (!*status) { // after the stream: to set that takes the workspace away
		*op = "cublasSetWorkspace";
		*status = cublasSetWorkspace_v2(*handle, (void *)workspace, bytes);
	}
	if (*status) cublasDestroy_v2(*handle);
	return CUDA_SUCCESS;
}

static cublasStatus_t destroyBLAS(CUcontext context, cublasHandle_t handle) {
	return cuCtxSetCurrent(context) ? CUBLAS_STATUS_NOT_INITIALIZED : cublasDestroy_v2(handle);
}

static CUresult query(CUcontext context, CUstream stream) {
	CUresult r = cuCtxSetCurrent(context);
	return r ? r : cuStreamQuery(stream);
}
*/
import "C"

import (
	"sync"

	"github.com/pkg/errors"
)

// blas is a handle of cuBLAS.
//
// Its products have the same bits in every run on GPUs of one kind with one version of cuBLAS. What can disturb
// that, in NVIDIA's words, is work in several streams that share a workspace; so a handle has one stream and
// one workspace, for life.
type blas struct {
	stream    *stream
	handle    C.cublasHandle_t
	workspace Ptr
}

// handles keeps cuBLAS from making and destroying handles while a stream captures: both may wait for the whole
// device, which CUDA forbids then, and which breaks the capture. Captures hold it for reading.
var handles sync.RWMutex

func (d *device) NewBLAS(s Stream) (BLAS, error) {
	b := &blas{stream: s.(*stream)}
	bytes := WorkspaceBytes(d.info.Compute)
	var err error
	if b.workspace, err = d.Alloc(bytes); err != nil {
		return nil, errors.WithMessage(err, "the workspace of cuBLAS")
	}
	var op *C.char
	var st C.cublasStatus_t
	handles.Lock()
	r := C.createBLAS(d.ctx(), b.stream.handle, C.CUdeviceptr(b.workspace), C.size_t(bytes), &b.handle, &op, &st)
	handles.Unlock()
	switch err = d.failure(C.GoString(op), r); {
	case err != nil:
	case st == C.CUBLAS_STATUS_NOT_INITIALIZED && d.nearlyFull(): // so cuBLAS says that it found no memory
		err = errors.WithMessage(d.outOfMemory(), C.GoString(op))
	default:
		err = b.stream.multiplied(C.GoString(op), st)
	}
	if err != nil {
		d.Release(b.workspace)
		return nil, err
	}
	return b, nil
}

// multiplied is the error of a call of cuBLAS. What made it fail may be an earlier failure of the GPU, which
// the stream tells.
func (s *stream) multiplied(op string, st C.cublasStatus_t) error {
	switch st {
	case C.CUBLAS_STATUS_SUCCESS:
		return nil
	case C.CUBLAS_STATUS_ALLOC_FAILED:
		return errors.WithMessage(s.gpu.outOfMemory(), op)
	}
	if lost := s.broken(op); lost != nil {
		return lost
	}
	return errors.WithMessage(status(st), op)
}

// broken is the earlier failure of the GPU, if there was one, that made the call op of a library fail.
func (s *stream) broken(op string) error {
	if r := C.query(s.gpu.ctx(), s.handle); result(r).sticky() {
		return s.gpu.failure(op, r)
	}
	return nil
}

// nearlyFull says whether so little memory is left that cuBLAS may not find what it wants for itself.
func (d *device) nearlyFull() bool {
	free, err := d.Free()
	return err == nil && free < 512<<20
}

func (b *blas) Close() error {
	d := b.stream.gpu
	handles.Lock()
	st := C.destroyBLAS(d.ctx(), b.handle)
	handles.Unlock()
	if err := d.Release(b.workspace); err != nil {
		return err
	}
	return b.stream.multiplied("cublasDestroy", st)
}

//go:build gpu && linux && cgo

package driver

/*
#include <cublas_v2.h>
*/
import "C"

import (
	"fmt"
	"reflect"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda/driver/internal/dl"
)

// code is the CUresult behind an error of gorgonia.org/cu, whose type is its own: an integer that is an error.
func code(err error) C.CUresult {
	if err == nil {
		return C.CUDA_SUCCESS
	}
	if v := reflect.ValueOf(errors.Cause(err)); v.CanInt() {
		return C.CUresult(v.Int())
	}
	return C.CUDA_ERROR_UNKNOWN
}

// result is a CUresult with the driver's own words for it.
type result C.CUresult

func (r result) Error() string {
	if r == dl.NoSymbol {
		return fmt.Sprintf("the library has no function %s: it is too old", dl.Missing())
	}
	var text *C.char
	if C.cuGetErrorString(C.CUresult(r), &text) != C.CUDA_SUCCESS || text == nil {
		return fmt.Sprintf("CUDA error %d", int(r))
	}
	return fmt.Sprintf("%s (CUDA error %d)", C.GoString(text), int(r))
}

// These came with CUDA 12.8, and are in no older header.
const (
	contained        = 226 // CUDA_ERROR_CONTAINED
	tensorMemoryLeak = 721 // CUDA_ERROR_TENSOR_MEMORY_LEAK
)

// sticky reports whether every later call of the context fails too. These are the errors after which, in the
// words of the reference, "the process must be terminated and relaunched", and those of a device that is gone.
func (r result) sticky() bool {
	switch r {
	case C.CUDA_ERROR_DEVICE_UNAVAILABLE, C.CUDA_ERROR_ECC_UNCORRECTABLE, C.CUDA_ERROR_NVLINK_UNCORRECTABLE,
		C.CUDA_ERROR_ILLEGAL_ADDRESS, C.CUDA_ERROR_LAUNCH_TIMEOUT, C.CUDA_ERROR_CONTEXT_IS_DESTROYED, C.CUDA_ERROR_ASSERT,
		C.CUDA_ERROR_HARDWARE_STACK_ERROR, C.CUDA_ERROR_ILLEGAL_INSTRUCTION, C.CUDA_ERROR_MISALIGNED_ADDRESS,
		C.CUDA_ERROR_INVALID_ADDRESS_SPACE, C.CUDA_ERROR_INVALID_PC, C.CUDA_ERROR_LAUNCH_FAILED, C.CUDA_ERROR_EXTERNAL_DEVICE,
		C.CUDA_ERROR_UNKNOWN, contained, tensorMemoryLeak:
		return true
	}
	return false
}

// failure is the error of the call op, nil for success. It remembers a loss.
func (d *device) failure(op string, c C.CUresult) error {
	switch r := result(c); {
	case r == C.CUDA_SUCCESS:
		return nil
	case r.sticky():
		return d.lose(op, r)
	case r == C.CUDA_ERROR_OUT_OF_MEMORY:
		return errors.WithMessage(d.outOfMemory(), op)
	default:
		return errors.WithMessage(r, op)
	}
}

// lose keeps the first error that made the GPU useless; all later calls give it.
func (d *device) lose(op string, err error) error {
	d.lost.CompareAndSwap(nil, &LostError{Op: op, Err: err})
	return d.lost.Load()
}

// outOfMemory says how much there is left; how much was asked for is not always known.
func (d *device) outOfMemory() error {
	free, err := d.Free()
	if err != nil {
		return err
	}
	return &MemoryError{Free: free}
}

// status is a cublasStatus_t with its name.
type status C.cublasStatus_t

var statusNames = map[status]string{
	C.CUBLAS_STATUS_NOT_INITIALIZED:  "not initialised",
	C.CUBLAS_STATUS_ALLOC_FAILED:     "allocation failed",
	C.CUBLAS_STATUS_INVALID_VALUE:    "invalid value",
	C.CUBLAS_STATUS_ARCH_MISMATCH:    "the GPU lacks what the product needs",
	C.CUBLAS_STATUS_MAPPING_ERROR:    "memory access failed",
	C.CUBLAS_STATUS_EXECUTION_FAILED: "execution failed",
	C.CUBLAS_STATUS_INTERNAL_ERROR:   "internal error",
	C.CUBLAS_STATUS_NOT_SUPPORTED:    "not supported",
	C.CUBLAS_STATUS_LICENSE_ERROR:    "licence error",
}

func (s status) Error() string {
	if s == dl.NoSymbol {
		return result(dl.NoSymbol).Error()
	}
	name, ok := statusNames[s]
	if !ok {
		name = "unknown status"
	}
	return fmt.Sprintf("%s (cuBLAS status %d)", name, int(s))
}

//go:build gpu && linux && cgo

package driver

/*
#include <cuda.h>
*/
import "C"

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"gorgonia.org/cu"
)

// device is a GPU through the CUDA driver.
//
// A CUDA context is current on a thread of the operating system, and goroutines move between threads. So every
// call makes the context current first: either inside the one C function that also does the work, since a call
// into C stays on its thread (launch, copies, products: no more than that is paid on the hot path), or, for
// calls that gorgonia.org/cu makes, within do, which holds the thread. The context that was current before is
// not put back.
type device struct {
	cu      cu.Device
	context cu.CUContext // the primary one, which libraries share
	info    Info
	lost    atomic.Pointer[LostError] // the error after which nothing works
	closed  atomic.Bool
}

// raw is the handle within a wrapper of gorgonia.org/cu, each of which is a struct of the one pointer.
func raw[Handle, Wrapper any](w Wrapper) Handle { return *(*Handle)(unsafe.Pointer(&w)) }

// The wrappers that raw is used for have the size of a pointer: with another, these indices would be out of range.
var (
	_ = [1]byte{}[unsafe.Sizeof(cu.CUContext{})-unsafe.Sizeof(uintptr(0))]
	_ = [1]byte{}[unsafe.Sizeof(cu.Stream{})-unsafe.Sizeof(uintptr(0))]
	_ = [1]byte{}[unsafe.Sizeof(cu.Event{})-unsafe.Sizeof(uintptr(0))]
	_ = [1]byte{}[unsafe.Sizeof(cu.Function{})-unsafe.Sizeof(uintptr(0))]
)

func (d *device) ctx() C.CUcontext { return raw[C.CUcontext](d.context) }

// do calls f, which calls gorgonia.org/cu, with the context current. The error is that of the call op, translated.
func (d *device) do(op string, f func() error) error {
	if lost := d.lost.Load(); lost != nil {
		return lost
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cu.SetCurrentContext(d.context)
	if err == nil {
		err = f()
	}
	return d.failure(op, code(err))
}

func (d *device) Info() Info { return d.info }

func (d *device) Close() error {
	if d.closed.Swap(true) {
		return nil // another's hold on the context must stay
	}
	err := d.cu.ReleasePrimaryCtx()
	if d.lost.Load() != nil {
		return nil // what was lost needs no giving back
	}
	return d.failure("cuDevicePrimaryCtxRelease", code(err))
}

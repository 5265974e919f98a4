//go:build gpu && linux && cgo

package dl

/*
#include <stdlib.h>
#include "load.h"
*/
import "C"

import (
	"errors"
	"unsafe"
)

// Library is one of the libraries that are found at run time.
type Library int

const (
	CUDA   Library = C.DL_CUDA   // the driver, libcuda.so.1
	CUBLAS Library = C.DL_CUBLAS // libcublas.so
	NCCL   Library = C.DL_NCCL   // libnccl.so.2
)

// NoSymbol is what a function returns that its library does not have.
const NoSymbol = C.DL_NO_SYMBOL

// Open loads a library: a file name to be searched for as dlopen(3) does, or a path. The error is the dynamic
// loader's, one line.
func Open(l Library, file string) error {
	path := C.CString(file)
	defer C.free(unsafe.Pointer(path))
	if message := C.dl_open(C.int(l), path); message != nil {
		defer C.free(unsafe.Pointer(message))
		return errors.New(C.GoString(message))
	}
	return nil
}

// Init initialises the driver, and is its result: a CUresult.
func Init() int { return int(C.dl_cuInit()) }

// Missing is the name of the function that was looked for in vain most recently, or "".
func Missing() string { return C.GoString(C.dl_missing()) }

//go:build gpu && linux && cgo

package driver

/*
#include <cuda.h>

#cgo noescape launch
#cgo nocallback launch

enum { MAX_ARGS = 512 }; // the 4 KiB that the parameters of a kernel may have, in arguments of 8 bytes

// gorgonia.org/cu allocates twice for a launch. Here the pointers to the arguments lie on the stack.
static CUresult launch(CUcontext context, CUfunction function, unsigned int gridX, unsigned int gridY, unsigned int gridZ,
	unsigned int blockX, unsigned int blockY, unsigned int blockZ, unsigned int shared, CUstream stream, int early,
	uint64_t *args, size_t n) {
	void *params[MAX_ARGS];
	CUresult r = cuCtxSetCurrent(context);
	if (r) return r;
	for (size_t i = 0; i < n; i++) params[i] = &args[i];
	if (!early) return cuLaunchKernel(function, gridX, gridY, gridZ, blockX, blockY, blockZ, shared, stream, params, NULL);
	CUlaunchAttribute a = {.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION};
	a.value.programmaticStreamSerializationAllowed = 1;
	CUlaunchConfig config = {gridX, gridY, gridZ, blockX, blockY, blockZ, shared, stream, &a, 1};
	return cuLaunchKernelEx(&config, function, params, NULL);
}
*/
import "C"

import (
	"math"
	"unsafe"

	"github.com/pkg/errors"
)

// Launch does not allocate, and keeps none of args.
func (s *stream) Launch(f Function, grid, block Dim, shared int, early bool, args []uint64) error {
	if err := s.usable(); err != nil {
		return err
	}
	if len(args) > C.MAX_ARGS {
		return errors.Errorf("a launch with %d arguments, more than %d", len(args), int(C.MAX_ARGS))
	}
	for _, n := range [...]int{grid.X, grid.Y, grid.Z, block.X, block.Y, block.Z} {
		if n < 1 || n > math.MaxInt32 {
			return errors.Errorf("a launch of grid %v, block %v: every extent must be at least 1, and below 2³¹", grid, block)
		}
	}
	if shared < 0 || shared > math.MaxInt32 {
		return errors.Errorf("a launch with %d bytes of shared memory", shared)
	}
	call, flag := "cuLaunchKernel", 0
	if early {
		call, flag = "cuLaunchKernelEx", 1
	}
	return s.gpu.failure(call, C.launch(s.gpu.ctx(), raw[C.CUfunction](f.(*function).cu),
		C.uint(grid.X), C.uint(grid.Y), C.uint(grid.Z), C.uint(block.X), C.uint(block.Y), C.uint(block.Z),
		C.uint(shared), s.handle, C.int(flag), (*C.uint64_t)(unsafe.SliceData(args)), C.size_t(len(args))))
}

//go:build gpu && linux && cgo

// The functions of the CUDA driver, each a jump to the library's. They are hidden: a library that is loaded later finds the driver's.
#pragma GCC visibility push(hidden)
#include <cuda.h>
#pragma GCC visibility pop

#include "load.h"

#define DEFINE(name, params, args) DL_JUMP(DL_CUDA, CUresult, DL_NO_SYMBOL, name, params, args)
CUDA_FUNCTIONS(DEFINE)

CUresult cuInit(unsigned int flags) {
	(void)flags;
	return CUDA_SUCCESS;
}

int dl_cuInit(void) {
	static void *slot;
	CUresult (*f)(unsigned int) = dl_find(DL_CUDA, "cuInit", &slot);
	return f ? f(0) : DL_NO_SYMBOL;
}

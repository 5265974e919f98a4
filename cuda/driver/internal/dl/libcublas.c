//go:build gpu && linux && cgo

// The functions of cuBLAS, each a jump to the library's.
#pragma GCC visibility push(hidden)
#include <cublas_v2.h>
#pragma GCC visibility pop

#include "load.h"

#define DEFINE(name, params, args) DL_JUMP(DL_CUBLAS, cublasStatus_t, DL_NO_SYMBOL, name, params, args)
CUBLAS_FUNCTIONS(DEFINE)

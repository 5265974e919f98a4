//go:build gpu && linux && cgo

// The functions of cuBLAS, each a jump to the library's.
#pragma GCC visibility push(hidden)
#include <cublas_v2.h>
#pragma GCC visibility pop

#include "load.h"

#define DEFINE(name, params, args)                                  \
	cublasStatus_t name params {                                \
		static void *slot;                                  \
		cublasStatus_t(*f) params = dl_find(DL_CUBLAS, #name, &slot); \
		return f ? f args : (cublasStatus_t)DL_NO_SYMBOL;   \
	}
CUBLAS_FUNCTIONS(DEFINE)

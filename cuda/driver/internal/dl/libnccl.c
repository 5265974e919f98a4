//go:build gpu && linux && cgo

// The functions of NCCL, each a jump to the library's. They are hidden: a library that is loaded later finds NCCL's.
#pragma GCC visibility push(hidden)
#include <nccl.h>
#pragma GCC visibility pop

#include "load.h"

#define DEFINE(name, params, args)                                  \
	ncclResult_t name params {                                  \
		static void *slot;                                  \
		ncclResult_t(*f) params = dl_find(DL_NCCL, #name, &slot); \
		return f ? f args : (ncclResult_t)DL_NO_SYMBOL;     \
	}
NCCL_FUNCTIONS(DEFINE)

#undef DEFINE
#define DEFINE(name, params, args)                                  \
	const char *name params {                                   \
		static void *slot;                                  \
		const char *(*f) params = dl_find(DL_NCCL, #name, &slot); \
		return f ? f args : "";                             \
	}
NCCL_TEXTS(DEFINE)

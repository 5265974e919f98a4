//go:build gpu && linux && cgo

// The functions of NCCL, each a jump to the library's. They are hidden: a library that is loaded later finds NCCL's.
#pragma GCC visibility push(hidden)
#include <nccl.h>
#pragma GCC visibility pop

#include "load.h"

#define DEFINE(name, params, args) DL_JUMP(DL_NCCL, ncclResult_t, DL_NO_SYMBOL, name, params, args)
NCCL_FUNCTIONS(DEFINE)

#undef DEFINE
#define DEFINE(name, params, args) DL_JUMP(DL_NCCL, const char *, "", name, params, args)
NCCL_TEXTS(DEFINE)

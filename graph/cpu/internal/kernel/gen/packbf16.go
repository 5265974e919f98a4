//go:build generate

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// packBF16 generates the ways of Set.Pack for products of bfloat16: as numbers of 32 bits with the terms of each pair
// in turned order, with AVX2, and as pairs in 32 bits, with AVX512_BF16.
func packBF16() {
	roundRow()
	roundCopy()
	roundTranspose()
	pairsCopy(2)
	pairsTranspose()
}

// toBF16 is x rounded to bfloat16: to the nearest, of two to the even; a NaN stays one. Denormal numbers are zeros of
// their sign, by the state that begin has set.
func toBF16(x Op) VecVirtual {
	y := avx2.mul(x, avx2.numReg(1))
	odd, none := YMM(), avx2.cmp(unordered, y, y)
	VPSRLD(U8(16), y, odd)
	VPAND(bits(1), odd, odd)
	VPADDD(bits(0x7fff), odd, odd)
	VPADDD(y, odd, odd)
	VPOR(none, odd, odd)
	VPAND(bits(0xffff0000), odd, odd)
	return odd
}

// roundRow generates the packing of a single row of terms, n of them, a multiple of eight.
func roundRow() {
	TEXT("roundRowBF16AVX2", NOSPLIT, "func(n int, dst, src *float32)")
	Doc("roundRowBF16AVX2 is dst[p^1] = src[p] as bfloat16, for whole vectors.")
	Pragma("noescape")
	rounded.begin()
	n, dst, src := Load(Param("n"), GP64()), Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	Label("vector")
	TESTQ(n, n)
	JEQ(LabelRef("done"))
	x := toBF16(Mem{Base: src})
	VPSHUFD(U8(0xb1), x, x)
	VMOVUPS(x, Mem{Base: dst})
	ADDQ(U8(32), src)
	ADDQ(U8(32), dst)
	SUBQ(U8(8), n)
	JMP(LabelRef("vector"))
	Label("done")
	rounded.end()
	VZEROUPPER()
	RET()
}

// roundCopy generates dst[(p^1)*dstP+i] = src[p*srcK+i] as bfloat16 for i < n, and 0 for n <= i < 8, for an even number
// of terms. Rows are stored as a whole, in their order, so that they may overlap: a masked store takes AMD's processors
// as long as many whole ones.
func roundCopy() {
	TEXT("packCopyBF16AVX2", NOSPLIT, "func(dst *float32, dstP, n, k int, src *float32, srcK int)")
	Doc("packCopyBF16AVX2 is Set.Pack of a vector where srcI is 1, for an even k. It stores whole vectors.")
	Pragma("noescape")
	rounded.begin()
	s := avx2
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	n, k := Load(Param("n"), GP64()), Load(Param("k"), GP64())
	dstP, srcK := Load(Param("dstP"), GP64()), Load(Param("srcK"), GP64())
	in := s.masks(n, 1)[0]
	SHLQ(U8(2), dstP)
	SHLQ(U8(2), srcK)
	Label("pair")
	TESTQ(k, k)
	JEQ(LabelRef("done"))
	VMOVUPS(toBF16(s.maskedLoad(in, Mem{Base: src, Index: srcK, Scale: 1})), Mem{Base: dst})
	VMOVUPS(toBF16(s.maskedLoad(in, Mem{Base: src})), Mem{Base: dst, Index: dstP, Scale: 1})
	LEAQ(Mem{Base: dst, Index: dstP, Scale: 2}, dst)
	LEAQ(Mem{Base: src, Index: srcK, Scale: 2}, src)
	SUBQ(U8(2), k)
	JMP(LabelRef("pair"))
	Label("done")
	rounded.end()
	VZEROUPPER()
	RET()
}

// roundTranspose is transpose for bfloat16: dst[(p^1)*dstP+i] = src[i*srcI+p] for i < n, and 0 for n <= i < 8, whatever
// the width. It stores as roundCopy does.
func roundTranspose() {
	TEXT("transposeBF16AVX2", NOSPLIT, "func(n, width, k int, dst *float32, dstP int, src *float32, srcI int)")
	Doc("transposeBF16AVX2 is Set.Pack of a vector where srcK is 1, for whole vectors of terms. It stores whole vectors.")
	Pragma("noescape")
	rounded.begin()
	avx2.squares("", 8, func(from Mem) VecVirtual { return toBF16(from) }, func(columns []VecVirtual) []VecVirtual {
		columns = transpose8(columns)
		for p := 0; p < len(columns); p += 2 {
			columns[p], columns[p+1] = columns[p+1], columns[p]
		}
		return columns
	}, func(_ mask, column VecVirtual, to Mem) { VMOVUPS(column, to) })
	rounded.end()
	VZEROUPPER()
	RET()
}

// pairsCopy generates dst[q*width+i] = src[2q*srcK+i] and src[(2q+1)*srcK+i] as bfloat16, the second in the upper half,
// for i < n, and 0 for n <= i < width, where width is at most the given number of vectors. k is even.
func pairsCopy(vectors int) {
	TEXT("packCopyPairsAVX512", NOSPLIT, "func(dst *float32, width, n, k int, src *float32, srcK int)")
	Doc("packCopyPairsAVX512 is Set.Pack where srcI is 1, for an even k.")
	Pragma("noescape")
	s := avx512
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	width, n, k := Load(Param("width"), GP64()), Load(Param("n"), GP64()), Load(Param("k"), GP64())
	srcK := Load(Param("srcK"), GP64())
	in, out := s.masks(n, vectors), s.masks(width, vectors)
	SHLQ(U8(2), width)
	SHLQ(U8(2), srcK)
	halves := s.copy(interleaved())
	Label("pair")
	TESTQ(k, k)
	JEQ(LabelRef("done"))
	for j := range vectors {
		at := j * s.bytes()
		x := s.maskedLoad(in[j], Mem{Base: src, Index: srcK, Scale: 1, Disp: at})
		cvtne2(s.maskedLoad(in[j], Mem{Base: src, Disp: at}), x, x)
		VPERMW(x, halves, x)
		s.maskedStore(out[j], x, Mem{Base: dst, Disp: at})
	}
	ADDQ(width, dst)
	LEAQ(Mem{Base: src, Index: srcK, Scale: 2}, src)
	SUBQ(U8(2), k)
	JMP(LabelRef("pair"))
	Label("done")
	VZEROUPPER()
	RET()
}

// interleaved are the words 0, 16, 1, 17, ...: with VPERMW they bring the halves of a vector together in pairs.
func interleaved() Mem {
	m := GLOBL("interleaved", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(uint32(i|(16+i)<<16)))
	}
	return m
}

// pairsTranspose generates dst[q*dstP+i] = src[i*srcI+2q] and src[i*srcI+2q+1] as bfloat16, for i < n, and 0 for
// n <= i < min(width, lanes). k is a multiple of 32, n is neither 0 nor more than 16.
func pairsTranspose() {
	TEXT("transposePairsAVX512", NOSPLIT, "func(n, width, k int, dst *float32, dstP int, src *float32, srcI int)")
	Doc("transposePairsAVX512 is Set.Pack where srcK is 1, for whole vectors of pairs and at most one of rows.")
	Pragma("noescape")
	s := avx512
	pairsOf := func(from Mem) VecVirtual {
		low, high := s.copy(from), s.copy(from.Offset(s.bytes()))
		cvtne2(low, high, high)
		return high
	}
	s.squares("", 32, pairsOf, transpose16, s.maskedStore)
	VZEROUPPER()
	RET()
}

//go:build generate

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// packAVX512 and packAVX2 generate the two ways of Set.Pack: rows that are contiguous in i are copied, rows
// that are contiguous in p are transposed, a square of vectors at a time.
func packAVX512() {
	avx512.packCopy(2)
	avx512.transpose(transpose16)
}

func packAVX2() {
	copyWhole("packCopy", 1)
	copyWhole("packCopy16", 2)
	avx2.transpose(transpose8)
}

// copyWhole generates dst[p*dstP+i] = src[p*srcK+i] for i < n, and 0 for n <= i, up to so many vectors. Rows are stored
// as a whole, in their order, so that they may overlap: a masked store takes AMD's processors as long as many whole ones.
func copyWhole(name string, vectors int) {
	s := avx2
	TEXT(name+s.suffix, NOSPLIT, "func(dst *float32, dstP, n, k int, src *float32, srcK int)")
	Doc(fmt.Sprintf("%s%s is Set.Pack of %d columns where srcI is 1. It stores whole vectors.", name, s.suffix,
		vectors*s.lanes))
	Pragma("noescape")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	n, k := Load(Param("n"), GP64()), Load(Param("k"), GP64())
	dstP, srcK := Load(Param("dstP"), GP64()), Load(Param("srcK"), GP64())
	in := s.masks(n, vectors)
	SHLQ(U8(2), dstP)
	SHLQ(U8(2), srcK)
	Label("row")
	TESTQ(k, k)
	JEQ(LabelRef("done"))
	for j := range vectors {
		VMOVUPS(s.maskedLoad(in[j], Mem{Base: src, Disp: j * s.bytes()}), Mem{Base: dst, Disp: j * s.bytes()})
	}
	ADDQ(dstP, dst)
	ADDQ(srcK, src)
	DECQ(k)
	JMP(LabelRef("row"))
	Label("done")
	VZEROUPPER()
	RET()
}

// packCopy generates dst[p*width+i] = src[p*srcK+i] for i < n, and 0 for n <= i < width, where width is at most
// the given number of vectors.
func (s simd) packCopy(vectors int) {
	TEXT("packCopy"+s.suffix, NOSPLIT, "func(dst *float32, width, n, k int, src *float32, srcK int)")
	Doc(fmt.Sprintf("packCopy%s is Set.Pack where srcI is 1.", s.suffix))
	Pragma("noescape")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	width, n, k := Load(Param("width"), GP64()), Load(Param("n"), GP64()), Load(Param("k"), GP64())
	srcK := Load(Param("srcK"), GP64())
	in, out := s.masks(n, vectors), s.masks(width, vectors)
	SHLQ(U8(2), width)
	SHLQ(U8(2), srcK)
	Label("row")
	TESTQ(k, k)
	JEQ(LabelRef("done"))
	for j := range vectors {
		s.maskedStore(out[j], s.maskedLoad(in[j], Mem{Base: src, Disp: j * s.bytes()}), Mem{Base: dst, Disp: j * s.bytes()})
	}
	ADDQ(width, dst)
	ADDQ(srcK, src)
	DECQ(k)
	JMP(LabelRef("row"))
	Label("done")
	VZEROUPPER()
	RET()
}

// masks are those of the first n elements of some vectors.
func (s simd) masks(n Register, vectors int) (ms []mask) {
	if s.lanes == 16 {
		set := GP32()
		MOVL(I32(-1), set)
		BZHIL(n.(GPVirtual).As32(), set, set)
		for j := range vectors {
			if j > 0 {
				SHRL(U8(16), set)
			}
			m := K()
			KMOVW(set, m)
			ms = append(ms, m)
		}
		return ms
	}
	window := GP64()
	LEAQ(slidingMask(), window)
	NEGQ(n)
	for j := range vectors {
		m := YMM()
		VMOVUPS(Mem{Base: window, Index: n, Scale: 4, Disp: 64 + j*s.bytes()}, m)
		ms = append(ms, m)
	}
	NEGQ(n)
	return ms
}

// transpose generates dst[p*dstP+i] = src[i*srcI+p] for i < n and p < k, and 0 for n <= i < min(width, lanes).
// k is a multiple of lanes, n is neither 0 nor more than lanes.
func (s simd) transpose(square func(rows []VecVirtual) []VecVirtual) {
	TEXT("transpose"+s.suffix, NOSPLIT, "func(n, width, k int, dst *float32, dstP int, src *float32, srcI int)")
	Doc(fmt.Sprintf("transpose%s is Set.Transpose for whole vectors of terms and at most one of rows.", s.suffix))
	Pragma("noescape")
	load := func(from Mem) VecVirtual { return s.copy(from) }
	if s.lanes == 8 { // a masked store takes AMD's processors as long as many whole ones
		CMPQ(Load(Param("width"), GP64()), U32(uint32(s.lanes)))
		JLT(LabelRef("narrow"))
		s.squares("whole", s.lanes, load, square, func(_ mask, column VecVirtual, to Mem) { VMOVUPS(column, to) })
		VZEROUPPER()
		RET()
		Label("narrow")
	}
	s.squares("", s.lanes, load, square, s.maskedStore)
	VZEROUPPER()
	RET()
}

// squares is the loop of a transposition: of so many terms at a time, each row is loaded to a vector, and a square of
// vectors becomes as many columns, which are stored: their first width elements where store uses the mask of these.
// Its labels begin as given.
func (s simd) squares(
	label string, terms int, load func(from Mem) VecVirtual, square func(rows []VecVirtual) []VecVirtual,
	store func(width mask, column VecVirtual, to Mem),
) {
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	n, k := Load(Param("n"), GP64()), Load(Param("k"), GP64())
	dstP, srcI := Load(Param("dstP"), GP64()), Load(Param("srcI"), GP64())
	in, out := s.masks(n, 1)[0], s.masks(Load(Param("width"), GP64()), 1)[0]
	SHLQ(U8(2), dstP)
	SHLQ(U8(2), srcI)
	Label(label + "square")
	TESTQ(k, k)
	JEQ(LabelRef(label + "done"))
	row, next := GP64(), GP64()
	MOVQ(src, row)
	var rows []VecVirtual
	for i := range s.lanes {
		if i > 0 { // rows from n on repeat the last; the mask drops them
			LEAQ(Mem{Base: row, Index: srcI, Scale: 1}, next)
			CMPQ(n, U32(uint32(i)))
			CMOVQGT(next, row)
		}
		rows = append(rows, load(Mem{Base: row}))
	}
	for _, column := range square(rows) {
		store(out, s.keep(in, column), Mem{Base: dst})
		ADDQ(dstP, dst)
	}
	ADDQ(U32(uint32(4*terms)), src)
	SUBQ(U32(uint32(terms)), k)
	JMP(LabelRef(label + "square"))
	Label(label + "done")
}

// two applies a shuffle to pairs, which gives two vectors for two.
func two(low, high func(...Op), a, b VecVirtual, reg func() VecVirtual) (VecVirtual, VecVirtual) {
	l, h := reg(), reg()
	low(b, a, l)
	high(b, a, h)
	return l, h
}

// quads transposes the 4×4 squares in the lanes of 128 bits of four rows: vector j holds column 4L+j in lane L.
func quads(r []VecVirtual, reg func() VecVirtual) [4]VecVirtual {
	a, b := two(VUNPCKLPS, VUNPCKHPS, r[0], r[1], reg)
	c, d := two(VUNPCKLPS, VUNPCKHPS, r[2], r[3], reg)
	w, x := two(VUNPCKLPD, VUNPCKHPD, a, c, reg)
	y, z := two(VUNPCKLPD, VUNPCKHPD, b, d, reg)
	return [4]VecVirtual{w, x, y, z}
}

func transpose8(rows []VecVirtual) []VecVirtual {
	top, bottom := quads(rows[:4], YMM), quads(rows[4:], YMM)
	columns := make([]VecVirtual, 8)
	for j := range 4 {
		for lane := range 2 {
			c := YMM()
			VPERM2F128(U8([]uint8{0x20, 0x31}[lane]), bottom[j], top[j], c)
			columns[4*lane+j] = c
		}
	}
	return columns
}

func transpose16(rows []VecVirtual) []VecVirtual {
	var q [4][4]VecVirtual
	for i := range q {
		q[i] = quads(rows[4*i:4*i+4], ZMM)
	}
	shuffle := func(control uint8, a, b VecVirtual) VecVirtual {
		r := ZMM()
		VSHUFF32X4(U8(control), b, a, r)
		return r
	}
	const even, odd = 0x88, 0xdd
	columns := make([]VecVirtual, 16)
	for j := range 4 {
		for parity, control := range []uint8{even, odd} {
			a, b := shuffle(control, q[0][j], q[1][j]), shuffle(control, q[2][j], q[3][j])
			columns[4*parity+j] = shuffle(even, a, b)
			columns[4*(parity+2)+j] = shuffle(odd, a, b)
		}
	}
	return columns
}

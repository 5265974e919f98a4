//go:build generate

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// A tiler generates Set.Tile for a number of rows: the sums of rows×NR elements stay in registers.
type tiler struct {
	simd
	arithmetic
	height int // MR
	width  int // vectors in NR
}

func tilesAVX512() {
	tiler{avx512, plain, 14, 2}.all()
	tiler{avx512, rounded, 14, 2}.allPacked()
	tiler{avx512, pairs, 14, 2}.allPacked()
}

func tilesAVX2() {
	tiler{avx2, plain, 6, 2}.all()
	tiler{avx2, rounded, 6, 2}.allPacked()
	tiler{avx2, halves, 1, 2}.allPacked()
}

// stridedRows is how many rows tiles of operands that are not packed have at most.
const stridedRows = 4

func (t tiler) allPacked() {
	for m := 1; m <= t.height; m++ {
		t.packed(m)
	}
}

func (t tiler) all() {
	t.allPacked()
	for m := 1; m <= stridedRows; m++ {
		t.strided(m)
	}
}

// packed generates the tile of m rows for packed operands. The panel of A may be of any width.
func (t tiler) packed(m int) {
	name := fmt.Sprintf("tile%d%s%s", m, t.arithmetic, t.suffix)
	TEXT(name, NOSPLIT, "func(k int, a *float32, aK int, b, c *float32, cRow, n int, acc bool)")
	Doc(name + " is Set.Tile of that many rows, for packed operands.")
	Pragma("noescape")
	t.begin()
	k := Load(Param("k"), GP64())
	even, b, c := Load(Param("a"), GP64()), Load(Param("b"), GP64()), Load(Param("c"), GP64())
	aK, cRow := Load(Param("aK"), GP64()), Load(Param("cRow"), GP64())
	SHLQ(U8(2), aK)
	SHLQ(U8(2), cRow)
	odd, pairs := GP64(), GP64()
	LEAQ(Mem{Base: even, Index: aK, Scale: 1}, odd)
	ADDQ(aK, aK)
	MOVQ(k, pairs)
	SHRQ(U8(1), pairs)
	sums := t.sums(m)
	if t.arithmetic != plain {
		t.startFromC(sums, c, cRow)
	}
	rowBytes := t.width * t.bytes()
	step := func(a Register, u int) {
		bs := t.load(Mem{Base: b, Disp: u * rowBytes})
		PREFETCHT0(Mem{Base: b, Disp: u*rowBytes + 1024})
		if t.lanes == 16 {
			PREFETCHT0(Mem{Base: b, Disp: u*rowBytes + 1024 + 64})
		}
		for i := range m {
			t.row(sums[i], Mem{Base: a, Disp: 4 * i}, bs)
		}
	}
	two := func() {
		step(even, 0)
		step(odd, 1)
		ADDQ(aK, even)
		ADDQ(aK, odd)
		ADDQ(U32(uint32(2*rowBytes)), b)
	}
	// The tile of C comes near meanwhile, a row at a time: all at once they would hold up the loads of A. To
	// the second cache: until it is needed, A and B would push it out of the first.
	at, rows := GP64(), GP64()
	MOVQ(c, at)
	MOVQ(U32(uint32(m)), rows)
	Label("near")
	CMPQ(pairs, U32(2))
	JLT(LabelRef("two"))
	for j := 0; j < rowBytes; j += 64 {
		PREFETCHT1(Mem{Base: at, Disp: j})
	}
	ADDQ(cRow, at)
	two()
	two()
	SUBQ(U32(2), pairs)
	DECQ(rows)
	JNE(LabelRef("near"))
	Label("two")
	TESTQ(pairs, pairs)
	JEQ(LabelRef("one"))
	Label("again")
	two()
	DECQ(pairs)
	JNE(LabelRef("again"))
	Label("one")
	TESTQ(U32(1), k)
	JEQ(LabelRef("store"))
	step(even, 0)
	Label("store")
	t.store(sums, c, cRow)
}

// strided generates the tile of m rows for operands where they lie.
func (t tiler) strided(m int) {
	TEXT(fmt.Sprintf("strided%d%s", m, t.suffix), NOSPLIT,
		"func(k int, a *float32, aRow, aK int, b *float32, bK int, c *float32, cRow, n int, acc bool)")
	Doc(fmt.Sprintf("strided%d%s is Set.Tile of that many rows, for any operands.", m, t.suffix))
	Pragma("noescape")
	k := Load(Param("k"), GP64())
	rows := []Register{Load(Param("a"), GP64())}
	aRow, aK, bK := Load(Param("aRow"), GP64()), Load(Param("aK"), GP64()), Load(Param("bK"), GP64())
	for _, r := range []Register{aRow, aK, bK} {
		SHLQ(U8(2), r)
	}
	for i := 1; i < m; i++ {
		r := GP64()
		MOVQ(rows[i-1], r)
		ADDQ(aRow, r)
		rows = append(rows, r)
	}
	b, c, cRow := Load(Param("b"), GP64()), Load(Param("c"), GP64()), Load(Param("cRow"), GP64())
	SHLQ(U8(2), cRow)
	sums := t.sums(m)
	Label("one")
	TESTQ(k, k)
	JEQ(LabelRef("store"))
	bs := t.load(Mem{Base: b})
	for i := range m {
		t.row(sums[i], Mem{Base: rows[i]}, bs)
		ADDQ(aK, rows[i])
	}
	ADDQ(bK, b)
	DECQ(k)
	JMP(LabelRef("one"))
	Label("store")
	t.store(sums, c, cRow)
}

func (t tiler) sums(m int) [][]VecVirtual {
	sums := make([][]VecVirtual, m)
	for i := range sums {
		for range t.width {
			sums[i] = append(sums[i], t.zero())
		}
	}
	return sums
}

// load is one row of B.
func (t tiler) load(b Mem) (bs []VecVirtual) {
	for j := range t.width {
		bs = append(bs, t.copy(b.Offset(j*t.bytes())))
	}
	return bs
}

// row adds an element of A times a row of B.
func (t tiler) row(sums []VecVirtual, a Mem, bs []VecVirtual) {
	xs := t.factors(t.simd, a)
	for j, b := range bs {
		t.addTerms(t.simd, sums[j], b, xs)
	}
}

// startFromC loads the first n columns of C if the product is added to them.
func (t tiler) startFromC(sums [][]VecVirtual, c, cRow Register) {
	n, acc, row := Load(Param("n"), GP64()), Load(Param("acc"), GP8()), GP64()
	TESTB(acc, acc)
	JEQ(LabelRef("sum"))
	masks := t.masks(n, t.width)
	MOVQ(c, row)
	for i := range sums {
		for j, sum := range sums[i] {
			t.maskedLoadTo(sum, masks[j], Mem{Base: row, Disp: j * t.bytes()})
		}
		if i < len(sums)-1 {
			ADDQ(cRow, row)
		}
	}
	Label("sum")
}

// store writes the sums to C, or adds them if they did not start from it, in the first n columns.
func (t tiler) store(sums [][]VecVirtual, c, cRow Register) {
	n := Load(Param("n"), GP64())
	var acc Register
	if t.arithmetic == plain {
		acc = Load(Param("acc"), GP8())
	}
	masks := t.masks(n, t.width)
	if t.arithmetic == plain {
		t.addC(sums, masks, acc, c, cRow)
	}
	if t.lanes == 8 { // a masked store takes AMD's processors as long as many whole ones
		CMPQ(n, U32(uint32(t.width*t.lanes)))
		JNE(LabelRef("narrow"))
		row := GP64()
		MOVQ(c, row)
		t.storeRows(sums, row, cRow, func(_ int, sum VecVirtual, at Mem) { VMOVUPS(sum, at) })
		Label("narrow")
	}
	t.storeRows(sums, c, cRow, func(j int, sum VecVirtual, at Mem) { t.maskedStore(masks[j], sum, at) })
}

// storeRows stores the sums and returns.
func (t tiler) storeRows(sums [][]VecVirtual, row, cRow Register, store func(j int, sum VecVirtual, at Mem)) {
	for i := range sums {
		for j, sum := range sums[i] {
			store(j, sum, Mem{Base: row, Disp: j * t.bytes()})
		}
		if i < len(sums)-1 {
			ADDQ(cRow, row)
		}
	}
	t.end()
	VZEROUPPER()
	RET()
}

// addC adds C to the sums if the product is added to it.
func (t tiler) addC(sums [][]VecVirtual, masks []mask, acc, c, cRow Register) {
	row := GP64()
	MOVQ(c, row)
	TESTB(acc, acc)
	JEQ(LabelRef("write"))
	for i := range sums {
		for j, sum := range sums[i] {
			at := Mem{Base: row, Disp: j * t.bytes()}
			if t.lanes == 16 {
				VADDPS(at, sum, masks[j], sum)
			} else {
				VADDPS(t.maskedLoad(masks[j], at), sum, sum)
			}
		}
		if i < len(sums)-1 {
			ADDQ(cRow, row)
		}
	}
	Label("write")
}

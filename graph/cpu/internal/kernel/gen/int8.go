//go:build generate

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// int8Vectors is how many vectors of sums Int8Row has: kernel.Int8Columns columns.
const int8Vectors = 4

// int8Row generates kernel.Int8Row. A product of bytes wants one of them without a sign: that of the row is given to
// the weight. No sum of two such products leaves 16 bits, as no number is larger than 127.
func int8Row() {
	TEXT("int8RowAVX2", NOSPLIT, "func(quads int, a, b *int8, scales *float32, scale float32, c *float32, acc bool)")
	Doc("int8RowAVX2 is Int8Row.")
	Pragma("noescape")
	s := avx2
	quads, a, b := Load(Param("quads"), GP64()), Load(Param("a"), GP64()), Load(Param("b"), GP64())
	ones := YMM()
	VPBROADCASTD(bits(0x00010001), ones)
	var sums []VecVirtual
	for range int8Vectors {
		sums = append(sums, s.zero())
	}
	Label("quad")
	TESTQ(quads, quads)
	JEQ(LabelRef("scale"))
	row, size := YMM(), YMM()
	VPBROADCASTD(Mem{Base: a}, row)
	VPABSB(row, size)
	for j, sum := range sums {
		w := s.copy(Mem{Base: b, Disp: 32 * j})
		VPSIGNB(row, w, w)
		VPMADDUBSW(w, size, w)
		VPMADDWD(ones, w, w)
		VPADDD(w, sum, sum)
	}
	ADDQ(U8(4), a)
	ADDQ(U32(32*int8Vectors), b)
	DECQ(quads)
	JMP(LabelRef("quad"))
	Label("scale")
	scales, c, acc := Load(Param("scales"), GP64()), Load(Param("c"), GP64()), Load(Param("acc"), GP8())
	scale := YMM()
	at, err := Param("scale").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(at.Addr, scale)
	for j, sum := range sums {
		VCVTDQ2PS(sum, sum)
		VMULPS(s.mul(Mem{Base: scales, Disp: 32 * j}, scale), sum, sum)
	}
	TESTB(acc, acc)
	JEQ(LabelRef("write"))
	for j, sum := range sums {
		VADDPS(Mem{Base: c, Disp: 32 * j}, sum, sum)
	}
	Label("write")
	for j, sum := range sums {
		VMOVUPS(sum, Mem{Base: c, Disp: 32 * j})
	}
	VZEROUPPER()
	RET()
}

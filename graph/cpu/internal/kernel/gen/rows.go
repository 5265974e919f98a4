//go:build generate

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// rowColumns is how many columns Set.Row computes: as many sums in vectors of eight as hide the time of an addition.
const rowColumns = 64

// row generates Set.Row for panels of a width. What limits it is the memory that the panels come from, so that vectors
// of eight are as good as longer ones.
func row(t simd, how arithmetic, width int) {
	name := fmt.Sprintf("rowOf%d%s%s", width, how, t.suffix)
	TEXT(name, NOSPLIT, "func(k int, a, b *float32, panel int, c *float32, acc bool)")
	Doc(name + " is Set.Row.")
	Pragma("noescape")
	how.begin()
	k, a, b := Load(Param("k"), GP64()), Load(Param("a"), GP64()), Load(Param("b"), GP64())
	panel := Load(Param("panel"), GP64())
	SHLQ(U8(2), panel)
	triple := GP64()
	LEAQ(Mem{Base: panel, Index: panel, Scale: 2}, triple)
	panels := []Mem{
		{Base: b}, {Base: b, Index: panel, Scale: 1}, {Base: b, Index: panel, Scale: 2}, {Base: b, Index: triple, Scale: 1},
	}[:rowColumns/width]
	var sums []VecVirtual
	for range rowColumns / t.lanes {
		sums = append(sums, t.zero())
	}
	// ifAcc does something to each sum and its place in C if the product is added to C.
	ifAcc := func(label string, do func(sum VecVirtual, at Mem)) (c Register) {
		c, acc := Load(Param("c"), GP64()), Load(Param("acc"), GP8())
		TESTB(acc, acc)
		JEQ(LabelRef(label))
		for j, sum := range sums {
			do(sum, Mem{Base: c, Disp: j * t.bytes()})
		}
		Label(label)
		return c
	}
	if how != plain {
		ifAcc("sum", func(sum VecVirtual, at Mem) { VMOVUPS(at, sum) })
	}
	step := func(u int) {
		xs := how.factors(t, Mem{Base: a, Disp: how.factorBytes() * u})
		for q, from := range panels {
			from = from.Offset(4 * width * u)
			for line := 0; line < 4*width; line += 64 {
				PREFETCHT0(from.Offset(1024 + line))
			}
			for j := range width / t.lanes {
				how.addTerms(t, sums[q*width/t.lanes+j], from.Offset(j*t.bytes()), xs)
			}
		}
	}
	pairs := GP64()
	MOVQ(k, pairs)
	SHRQ(U8(1), pairs)
	JEQ(LabelRef("one"))
	Label("again")
	step(0)
	step(1)
	ADDQ(U8(uint8(2*how.factorBytes())), a)
	ADDQ(U32(uint32(8*width)), b)
	DECQ(pairs)
	JNE(LabelRef("again"))
	Label("one")
	TESTQ(U32(1), k)
	JEQ(LabelRef("store"))
	step(0)
	Label("store")
	var c Register
	if how == plain {
		c = ifAcc("write", func(sum VecVirtual, at Mem) { VADDPS(at, sum, sum) })
	} else {
		c = Load(Param("c"), GP64())
	}
	for j, sum := range sums {
		VMOVUPS(sum, Mem{Base: c, Disp: j * t.bytes()})
	}
	how.end()
	VZEROUPPER()
	RET()
}

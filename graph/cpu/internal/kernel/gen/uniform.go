//go:build generate

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// uniform generates tape.Philox and tape.Uniform for one block of four words in each lane: groups times 4·lanes
// numbers. words are those of the first block's counter and of the key.
func uniform(s simd) {
	TEXT("uniform"+s.suffix, NOSPLIT, "func(groups int, dst *float32, words *[6]uint32)")
	Doc(fmt.Sprintf("uniform%s is Set.Draw of groups of %d numbers.", s.suffix, 4*s.lanes))
	Pragma("noescape")
	groups, dst := Load(Param("groups"), GP64()), Load(Param("dst"), GP64())
	words := Load(Param("words"), GP64())
	param := func(i int) VecVirtual {
		r := s.reg()
		VPBROADCASTD(Mem{Base: words, Disp: 4 * i}, r)
		return r
	}
	// Lane 4L+j gets block j·lanes/4+L: after the words are interleaved, vector j holds consecutive numbers.
	lanes := GLOBL("blocks"+s.suffix, RODATA|NOPTR)
	for i := range s.lanes {
		DATA(4*i, U32(uint32(i%4*s.lanes/4+i/4)))
	}
	block := param(0)
	VPADDD(lanes, block, block)
	next, m0, m1, w0, w1 := s.word(uint32(s.lanes)), s.word(0xD2511F53), s.word(0xCD9E8D57), s.word(0x9E3779B9),
		s.word(0xBB67AE85)
	scale := s.num(0x1p-24)

	Label("group")
	TESTQ(groups, groups)
	JEQ(LabelRef("done"))
	c := [4]VecVirtual{s.copy(block), param(1), param(2), param(3)}
	k0, k1 := param(4), param(5)
	for round := range 10 {
		if round > 0 {
			VPADDD(w0, k0, k0)
			VPADDD(w1, k1, k1)
		}
		low0, high0 := s.wideMul(c[0], m0)
		low1, high1 := s.wideMul(c[2], m1)
		c = [4]VecVirtual{s.xor3(high1, c[1], k0), low1, s.xor3(high0, c[3], k1), low0}
	}
	for j, q := range quads(c[:], s.reg) {
		VPSRLD(U8(8), q, q)
		VCVTDQ2PS(q, q)
		VMULPS(scale, q, q)
		VMOVUPS(q, Mem{Base: dst, Disp: j * s.bytes()})
	}
	VPADDD(next, block, block)
	ADDQ(U32(uint32(4*s.bytes())), dst)
	DECQ(groups)
	JMP(LabelRef("group"))
	Label("done")
	VZEROUPPER()
	RET()
}

// wideMul is the low and the high words of the 64-bit products of a and b.
func (s simd) wideMul(a VecVirtual, b Op) (low, high VecVirtual) {
	even, odd := s.reg(), s.reg()
	VPSRLQ(U8(32), a, odd)
	VPMULUDQ(b, a, even)
	VPMULUDQ(b, odd, odd)
	low, high = s.reg(), s.reg()
	VPSLLQ(U8(32), odd, low)
	VPSRLQ(U8(32), even, high)
	if s.lanes == 16 {
		k, bits := K(), GP32()
		MOVL(U32(0xaaaa), bits)
		KMOVW(bits, k)
		VPBLENDMD(low, even, k, low)
		VPBLENDMD(odd, high, k, high)
	} else {
		VPBLENDD(U8(0xaa), low, even, low)
		VPBLENDD(U8(0xaa), odd, high, high)
	}
	return low, high
}

func (s simd) xor3(a, b, c VecVirtual) VecVirtual {
	r := s.reg()
	if s.lanes == 16 {
		VMOVDQU32(a, r)
		VPTERNLOGD(U8(0x96), b, c, r)
	} else {
		VPXOR(a, b, r)
		VPXOR(c, r, r)
	}
	return r
}

//go:build generate

package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// reductions generates Sum, Dot, Max, ExpSum and Affine.
func reductions(s simd) {
	s.sum("sum", []string{"x"})
	s.sum("dot", []string{"x", "y"})
	s.maximum()
	s.expSum()
	s.affine()
}

// sum generates the sum of the elements, or of the products of elements, in four vectors of partial sums.
func (s simd) sum(name string, params []string) {
	list := "x *float32"
	if len(params) == 2 {
		list = "x, y *float32"
	}
	TEXT(name+s.suffix, NOSPLIT, fmt.Sprintf("func(n int, %s) float32", list))
	Doc(fmt.Sprintf("%s%s is Set.%s.", name, s.suffix, map[string]string{"sum": "Sum", "dot": "Dot"}[name]))
	Pragma("noescape")
	n, i := Load(Param("n"), GP64()), GP64()
	var args []Register
	for _, p := range params {
		args = append(args, Load(Param(p), GP64()))
	}
	acc := []VecVirtual{s.zero(), s.zero(), s.zero(), s.zero()}
	s.reduce(n, i, len(acc), func(u int, load func(Register) VecVirtual, _ mask) {
		if len(args) == 1 {
			VADDPS(load(args[0]), acc[u], acc[u])
		} else {
			s.fma(acc[u], load(args[0]), load(args[1]))
		}
	})
	VADDPS(acc[1], acc[0], acc[0])
	VADDPS(acc[3], acc[2], acc[2])
	VADDPS(acc[2], acc[0], acc[0])
	Store(s.across(acc[0], VADDPS), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// reduce generates a loop over n elements, unroll vectors at a time, then one by one, then with a mask. body
// gets the number of the vector and a way to load it from an array; in the masked step the lanes that do not
// count are 0, and the mask is not nil.
func (s simd) reduce(n, i Register, unroll int, body func(u int, load func(Register) VecVirtual, m mask)) {
	XORQ(i, i)
	at := func(base Register, u int) Mem { return Mem{Base: base, Index: i, Scale: 4, Disp: u * s.bytes()} }
	for _, l := range []struct {
		label, next string
		unroll      int
	}{{"many", "one", unroll}, {"one", "tail", 1}} {
		left := GP64()
		Label(l.label)
		MOVQ(n, left)
		SUBQ(i, left)
		CMPQ(left, U32(uint32(l.unroll*s.lanes)))
		JLT(LabelRef(l.next))
		for u := range l.unroll {
			body(u, func(base Register) VecVirtual { return s.copy(at(base, u)) }, nil)
		}
		ADDQ(U32(uint32(l.unroll*s.lanes)), i)
		JMP(LabelRef(l.label))
	}
	Label("tail")
	left := GP64()
	MOVQ(n, left)
	SUBQ(i, left)
	JEQ(LabelRef("done"))
	m := s.tailMask(left)
	body(0, func(base Register) VecVirtual { return s.maskedLoad(m, at(base, 0)) }, m)
	Label("done")
}

// across combines all lanes of a.
func (s simd) across(a VecVirtual, op func(...Op)) VecVirtual {
	y := a.AsY()
	if s.lanes == 16 {
		high := YMM()
		VEXTRACTF64X4(U8(1), a, high)
		low := YMM()
		op(high, y, low)
		y = low
	}
	high, x := XMM(), XMM()
	VEXTRACTF128(U8(1), y, high)
	op(high, y.(VecVirtual).AsX(), x)
	VPERMILPS(U8(0x4e), x, high)
	op(high, x, x)
	VPERMILPS(U8(0xb1), x, high)
	op(high, x, x)
	return x
}

// maximum generates Max. The instruction loses NaNs, so these are collected aside.
func (s simd) maximum() {
	TEXT("max1"+s.suffix, NOSPLIT, "func(n int, x *float32) float32")
	Doc(fmt.Sprintf("max1%s is Set.Max.", s.suffix))
	Pragma("noescape")
	n, i := Load(Param("n"), GP64()), GP64()
	x := Load(Param("x"), GP64())
	minusInf := s.numReg(math.Inf(-1))
	best := []VecVirtual{s.copy(minusInf), s.copy(minusInf)}
	nans := []VecVirtual{s.zero(), s.zero()}
	s.reduce(n, i, 2, func(u int, load func(Register) VecVirtual, m mask) {
		v := load(x)
		nan := s.cmp(unordered, v, v)
		if s.lanes == 16 {
			VMOVAPS(v, nan, nans[u])
		} else {
			VBLENDVPS(nan, v, nans[u], nans[u])
		}
		if m != nil {
			v = s.choose(m, v, minusInf)
		}
		VMAXPS(best[u], v, best[u])
	})
	VMAXPS(best[1], best[0], best[0])
	VADDPS(nans[1], nans[0], nans[0]) // NaN if a lane of either is
	nan := s.across(nans[0], VADDPS)
	Store(nan, ReturnIndex(0))
	VUCOMISS(nan, nan)
	JPS(LabelRef("isNaN"))
	Store(s.across(best[0], VMAXPS), ReturnIndex(0))
	Label("isNaN")
	VZEROUPPER()
	RET()
}

func (s simd) expSum() {
	TEXT("expSum"+s.suffix, NOSPLIT, "func(n int, dst, x *float32, shift float32) float32")
	Doc(fmt.Sprintf("expSum%s is Set.ExpSum.", s.suffix))
	Pragma("noescape")
	n, i := Load(Param("n"), GP64()), GP64()
	dst, x := Load(Param("dst"), GP64()), Load(Param("x"), GP64())
	shift := s.broadcast("shift")
	exp := s.exp()
	acc := []VecVirtual{s.zero(), s.zero()}
	s.reduce(n, i, 2, func(u int, load func(Register) VecVirtual, m mask) {
		e := exp([]VecVirtual{s.sub(load(x), shift)})
		to := Mem{Base: dst, Index: i, Scale: 4, Disp: u * s.bytes()}
		if m != nil {
			e = s.keep(m, e)
			s.maskedStore(m, e, to)
		} else {
			VMOVUPS(e, to)
		}
		VADDPS(e, acc[u], acc[u])
	})
	VADDPS(acc[1], acc[0], acc[0])
	Store(s.across(acc[0], VADDPS), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func (s simd) affine() {
	TEXT("affine"+s.suffix, NOSPLIT, "func(n int, dst, x *float32, scale, shift float32)")
	Doc(fmt.Sprintf("affine%s is Set.Affine.", s.suffix))
	Pragma("noescape")
	n, i := Load(Param("n"), GP64()), GP64()
	dst, x := Load(Param("dst"), GP64()), Load(Param("x"), GP64())
	scale, shift := s.broadcast("scale"), s.broadcast("shift")
	s.reduce(n, i, 2, func(u int, load func(Register) VecVirtual, m mask) {
		v := load(x)
		s.horner(v, scale, shift)
		to := Mem{Base: dst, Index: i, Scale: 4, Disp: u * s.bytes()}
		if m != nil {
			s.maskedStore(m, v, to)
		} else {
			VMOVUPS(v, to)
		}
	})
	VZEROUPPER()
	RET()
}

// broadcast is a parameter in all lanes. It goes there straight from memory: a load by MOVSS, which is of the
// old encoding, takes hundreds of cycles where the upper parts of registers are in use.
func (s simd) broadcast(param string) VecVirtual {
	p, err := Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	r := s.reg()
	VBROADCASTSS(p.Addr, r)
	return r
}

//go:build generate

package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// simd is a vector instruction set: the operations that the functions are made of. Where an operation takes an
// Op it may be a register or memory; results are new registers unless the name says otherwise.
type simd struct {
	suffix string // of function names
	lanes  int
}

var (
	avx512 = simd{"AVX512", 16}
	avx2   = simd{"AVX2", 8}
)

func (s simd) reg() VecVirtual {
	if s.lanes == 16 {
		return ZMM()
	}
	return YMM()
}

func (s simd) bytes() int { return 4 * s.lanes }

// constants by their bits: eight copies each.
var constants = map[uint32]Mem{}

func bits(b uint32) Mem {
	m, ok := constants[b]
	if !ok {
		m = GLOBL(fmt.Sprintf("c%08x", b), RODATA|NOPTR)
		for i := range 8 {
			DATA(4*i, U32(b))
		}
		constants[b] = m
	}
	return m
}

// word is a constant 32-bit word in all lanes: in a register where there are many, else in memory.
func (s simd) word(b uint32) Op {
	if s.lanes == 16 {
		return s.inReg(b)
	}
	return bits(b)
}

func (s simd) inReg(b uint32) VecVirtual {
	r := s.reg()
	VBROADCASTSS(bits(b), r)
	return r
}

// num is a constant in all lanes, and numReg one in a register.
func (s simd) num(x float64) Op            { return s.word(math.Float32bits(float32(x))) }
func (s simd) numReg(x float64) VecVirtual { return s.inReg(math.Float32bits(float32(x))) }

// rare is a constant that is loaded where it is used: call it there.
func (s simd) rare(x float64) func() Op {
	return func() Op { return s.num(x) }
}

func (s simd) nums(xs ...float64) (ops []Op) {
	for _, x := range xs {
		ops = append(ops, s.num(x))
	}
	return ops
}

func (s simd) copy(a Op) VecVirtual {
	r := s.reg()
	VMOVUPS(a, r)
	return r
}

func (s simd) zero() VecVirtual {
	r := s.reg()
	VXORPS(r, r, r)
	return r
}

func (s simd) add(a Op, b VecVirtual) VecVirtual { r := s.reg(); VADDPS(a, b, r); return r } // a + b
func (s simd) mul(a Op, b VecVirtual) VecVirtual { r := s.reg(); VMULPS(a, b, r); return r } // a * b
func (s simd) sub(a VecVirtual, b Op) VecVirtual { r := s.reg(); VSUBPS(b, a, r); return r } // a - b
func (s simd) div(a VecVirtual, b Op) VecVirtual { r := s.reg(); VDIVPS(b, a, r); return r } // a / b
func (s simd) and(a Op, b VecVirtual) VecVirtual { r := s.reg(); VANDPS(a, b, r); return r }
func (s simd) xor(a Op, b VecVirtual) VecVirtual { r := s.reg(); VXORPS(a, b, r); return r }
func (s simd) sqrt(a Op) VecVirtual              { r := s.reg(); VSQRTPS(a, r); return r }

// min and max are a where either is NaN.
func (s simd) min(a Op, b VecVirtual) VecVirtual { r := s.reg(); VMINPS(a, b, r); return r }
func (s simd) max(a Op, b VecVirtual) VecVirtual { r := s.reg(); VMAXPS(a, b, r); return r }

// horner sets p to p*x + c, fma adds a*b to sum, fnma takes it away.
func (s simd) horner(p, x VecVirtual, c Op)            { VFMADD213PS(c, x, p) }
func (s simd) fma(sum VecVirtual, a Op, b VecVirtual)  { VFMADD231PS(a, b, sum) }
func (s simd) fnma(sum VecVirtual, a Op, b VecVirtual) { VFNMADD231PS(a, b, sum) }

// polynomial is c[0]*x^n + ... + c[n].
func (s simd) polynomial(x VecVirtual, c []Op) VecVirtual {
	p := s.copy(c[0])
	for _, c := range c[1:] {
		s.horner(p, x, c)
	}
	return p
}

// Rounding modes.
const (
	nearest = 8
	down    = 9
	up      = 10
)

func (s simd) round(mode uint8, a VecVirtual) VecVirtual {
	r := s.reg()
	if s.lanes == 16 {
		VRNDSCALEPS(U8(mode), a, r)
	} else {
		VROUNDPS(U8(mode), a, r)
	}
	return r
}

// Predicates of cmp. None signals; all but ne and unordered are false for NaN.
const (
	eq        = 0
	unordered = 3
	ne        = 4
	lt        = 17
	le        = 18
	ge        = 29
)

// A mask is an opmask register, or a vector of zeros and ones.
type mask = Register

// cmp is a pred b.
func (s simd) cmp(pred uint8, a VecVirtual, b Op) mask {
	var m mask
	if s.lanes == 16 {
		m = K()
	} else {
		m = YMM()
	}
	VCMPPS(U8(pred), b, a, m)
	return m
}

// choose is yes where the mask is set, else no.
func (s simd) choose(m mask, yes Op, no VecVirtual) VecVirtual {
	r := s.reg()
	if s.lanes == 16 {
		VBLENDMPS(yes, no, m, r)
	} else {
		VBLENDVPS(m, yes, no, r)
	}
	return r
}

// keep is a where the mask is set, else 0.
func (s simd) keep(m mask, a Op) VecVirtual {
	r := s.reg()
	if s.lanes == 16 {
		VMOVAPS_Z(s.loaded(a), m, r)
	} else {
		VANDPS(a, m, r)
	}
	return r
}

func (s simd) loaded(a Op) VecVirtual {
	if r, ok := a.(VecVirtual); ok {
		return r
	}
	return s.copy(a)
}

// tailMask has the first n lanes set, 0 < n < lanes.
func (s simd) tailMask(n Register) mask {
	if s.lanes == 16 {
		ones, k := GP32(), K()
		MOVL(I32(-1), ones)
		BZHIL(n.(GPVirtual).As32(), ones, ones)
		KMOVW(ones, k)
		return k
	}
	window, m := GP64(), YMM()
	LEAQ(slidingMask(), window)
	NEGQ(n)
	VMOVUPS(Mem{Base: window, Index: n, Scale: 4, Disp: 64}, m)
	NEGQ(n)
	return m
}

var sliding Mem

// slidingMask is 16 set words, then 16 zeros: from word 16-n on it is a mask of n lanes.
func slidingMask() Mem {
	if sliding.Symbol.Name == "" {
		sliding = GLOBL("sliding", RODATA|NOPTR)
		for i := range 16 {
			DATA(4*i, U32(0xffffffff))
		}
		for i := range 16 {
			DATA(64+4*i, U32(0))
		}
	}
	return sliding
}

func (s simd) maskedLoad(m mask, from Mem) VecVirtual {
	r := s.reg()
	s.maskedLoadTo(r, m, from)
	return r
}

// maskedLoadTo sets r to what is there where the mask is set, else to 0.
func (s simd) maskedLoadTo(r VecVirtual, m mask, from Mem) {
	if s.lanes == 16 {
		VMOVUPS_Z(from, m, r)
	} else {
		VMASKMOVPS(from, m, r)
	}
}

func (s simd) maskedStore(m mask, a VecVirtual, to Mem) {
	if s.lanes == 16 {
		VMOVUPS(a, m, to)
	} else {
		VMASKMOVPS(a, m, to)
	}
}

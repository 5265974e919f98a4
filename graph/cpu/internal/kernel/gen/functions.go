//go:build generate

package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// A formula computes one vector from operands. It is made by a function that first loads the constants.
type formula func(v []VecVirtual) VecVirtual

// functions generates Set.Apply.
func functions(s simd) {
	one := func(f func(x VecVirtual) VecVirtual) func() formula {
		return func() formula { return func(v []VecVirtual) VecVirtual { return f(v[0]) } }
	}
	two := func(f func(x, y VecVirtual) VecVirtual) func() formula {
		return func() formula { return func(v []VecVirtual) VecVirtual { return f(v[0], v[1]) } }
	}
	for _, f := range []struct {
		name    string
		arity   int
		unroll  int
		formula func() formula
	}{
		{"neg", 1, 4, s.neg},
		{"abs", 1, 4, s.abs},
		{"sign", 1, 2, s.sign},
		{"floor", 1, 4, one(func(x VecVirtual) VecVirtual { return s.round(down, x) })},
		{"ceil", 1, 4, one(func(x VecVirtual) VecVirtual { return s.round(up, x) })},
		{"sqrt", 1, 2, one(func(x VecVirtual) VecVirtual { return s.sqrt(x) })},
		{"exp", 1, 1, s.exp},
		{"log", 1, 1, s.log},
		{"log1p", 1, 1, s.log1p},
		{"expm1", 1, 1, s.expm1},
		{"tanh", 1, 1, s.tanh},
		{"sigmoid", 1, 1, s.sigmoid},
		{"add", 2, 4, two(func(x, y VecVirtual) VecVirtual { return s.add(x, y) })},
		{"sub", 2, 4, two(func(x, y VecVirtual) VecVirtual { return s.sub(x, y) })},
		{"mul", 2, 4, two(func(x, y VecVirtual) VecVirtual { return s.mul(x, y) })},
		{"div", 2, 2, two(func(x, y VecVirtual) VecVirtual { return s.div(x, y) })},
		{"max", 2, 2, two(func(x, y VecVirtual) VecVirtual { return s.extreme(s.max, x, y) })},
		{"min", 2, 2, two(func(x, y VecVirtual) VecVirtual { return s.extreme(s.min, x, y) })},
		{"lt", 2, 2, s.comparison(lt)},
		{"le", 2, 2, s.comparison(le)},
		{"eq", 2, 2, s.comparison(eq)},
		{"ne", 2, 2, s.comparison(ne)},
		{"where", 3, 2, s.where},
	} {
		s.elementwise(f.name, f.arity, f.unroll, f.formula)
	}
}

// elementwise generates the loop of a function of Set.Apply: vectors by the unroll, then one by one, then a masked one.
func (s simd) elementwise(name string, arity, unroll int, makeFormula func() formula) {
	TEXT(name+s.suffix, NOSPLIT, "func(n int, dst, x, y, z *float32)")
	Doc(fmt.Sprintf("%s%s is Apply of %s.", name, s.suffix, name))
	Pragma("noescape")
	n, i := Load(Param("n"), GP64()), GP64()
	dst := Load(Param("dst"), GP64())
	var args []Register
	for _, p := range []string{"x", "y", "z"}[:arity] {
		args = append(args, Load(Param(p), GP64()))
	}
	XORQ(i, i)
	f := makeFormula()
	at := func(base Register, u int) Mem { return Mem{Base: base, Index: i, Scale: 4, Disp: u * s.bytes()} }
	loop := func(label, next string, unroll int) {
		left := GP64()
		Label(label)
		MOVQ(n, left)
		SUBQ(i, left)
		CMPQ(left, U32(uint32(unroll*s.lanes)))
		JLT(LabelRef(next))
		results := []VecVirtual{}
		for u := range unroll {
			var v []VecVirtual
			for _, a := range args {
				v = append(v, s.copy(at(a, u)))
			}
			results = append(results, f(v))
		}
		for u, r := range results {
			VMOVUPS(r, at(dst, u))
		}
		ADDQ(U32(uint32(unroll*s.lanes)), i)
		JMP(LabelRef(label))
	}
	if unroll > 1 {
		loop("many", "one", unroll)
	}
	loop("one", "tail", 1)
	Label("tail")
	left := GP64()
	MOVQ(n, left)
	SUBQ(i, left)
	JEQ(LabelRef("done"))
	m := s.tailMask(left)
	var v []VecVirtual
	for _, a := range args {
		v = append(v, s.maskedLoad(m, at(a, 0)))
	}
	s.maskedStore(m, f(v), at(dst, 0))
	Label("done")
	VZEROUPPER()
	RET()
}

const (
	signBit = 0x80000000
	log2e   = math.Log2E
	ln2High = 0.693359375 // exact in 10 bits, so that n·ln2High is exact
	ln2Low  = math.Ln2 - ln2High
)

func (s simd) neg() formula {
	sign := s.word(signBit)
	return func(v []VecVirtual) VecVirtual { return s.xor(sign, v[0]) }
}

func (s simd) abs() formula {
	rest := s.word(^uint32(signBit))
	return func(v []VecVirtual) VecVirtual { return s.and(rest, v[0]) }
}

func (s simd) sign() formula {
	one, minus, zero := s.num(1), s.num(-1), s.zero()
	return func(v []VecVirtual) VecVirtual {
		r := s.choose(s.cmp(lt, v[0], zero), minus, v[0])
		return s.choose(s.cmp(lt, zero, v[0]), one, r)
	}
}

// extreme is the maximum or minimum, NaN if either is: the instruction gives its first operand then, which may
// be the one that is not.
func (s simd) extreme(f func(a Op, b VecVirtual) VecVirtual, x, y VecVirtual) VecVirtual {
	return s.choose(s.cmp(unordered, y, y), y, f(x, y))
}

func (s simd) comparison(pred uint8) func() formula {
	return func() formula {
		one := s.num(1)
		return func(v []VecVirtual) VecVirtual { return s.keep(s.cmp(pred, v[0], v[1]), one) }
	}
}

func (s simd) where() formula {
	zero := s.zero()
	return func(v []VecVirtual) VecVirtual { return s.choose(s.cmp(ne, v[0], zero), v[1], v[2]) }
}

// expParts returns n and p with exp(x) = 2ⁿ·(1 + p): n = round(x/ln 2), and p a polynomial of the remainder,
// after Cephes' expf. x is cut off where the result is 0 or Inf. NaN gives NaN.
func (s simd) expParts() func(x VecVirtual) (n, p VecVirtual) {
	low, high := s.numReg(-104), s.numReg(89)
	toLog2, toLn, rest := s.num(log2e), s.num(ln2High), s.num(ln2Low)
	c := s.nums(1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
	return func(x VecVirtual) (n, p VecVirtual) {
		x = s.max(s.min(x, high), low)
		n = s.round(nearest, s.mul(toLog2, x))
		r := s.copy(x)
		s.fnma(r, toLn, n)
		s.fnma(r, rest, n)
		q := s.polynomial(r, c)
		p = s.copy(r)
		s.fma(p, s.mul(r, r), q)
		return n, p
	}
}

// scale returns a·2ⁿ for whole n in [-151, 128], rounded once where that is subnormal.
func (s simd) scale() func(a, n VecVirtual) VecVirtual {
	if s.lanes == 16 {
		return func(a, n VecVirtual) VecVirtual {
			r := s.reg()
			VSCALEFPS(n, a, r)
			return r
		}
	}
	bias := s.word(127)
	return func(a, n VecVirtual) VecVirtual { // in two steps, for neither power to be out of range
		k, half := s.reg(), s.reg()
		VCVTPS2DQ(n, k)
		VPSRAD(U8(1), k, half)
		VPSUBD(half, k, k)
		for _, part := range []VecVirtual{half, k} {
			VPADDD(bias, part, part)
			VPSLLD(U8(23), part, part)
			a = s.mul(part, a)
		}
		return a
	}
}

func (s simd) exp() formula {
	parts, scale, one := s.expParts(), s.scale(), s.num(1)
	return func(v []VecVirtual) VecVirtual {
		n, p := parts(v[0])
		return scale(s.add(one, p), n)
	}
}

// expm1 is 2·(t·p + (t - ½)) with t = 2ⁿ⁻¹: exact where n is 0, and without overflow where the result has none.
func (s simd) expm1() formula {
	parts, scale, one, half := s.expParts(), s.scale(), s.numReg(1), s.num(0.5)
	return func(v []VecVirtual) VecVirtual {
		n, p := parts(v[0])
		t := scale(one, s.sub(n, one))
		r := s.sub(t, half)
		s.fma(r, t, p)
		return s.add(r, r)
	}
}

func (s simd) sigmoid() formula {
	exp, negate, one := s.exp(), s.neg(), s.numReg(1)
	return func(v []VecVirtual) VecVirtual {
		e := exp([]VecVirtual{negate(v)})
		return s.div(one, s.add(one, e))
	}
}

// tanh is the ratio of an odd and an even polynomial, of degrees 13 and 6, that Eigen uses, good up to ±7.9.
// From ±9.011 on, where the nearest number is ±1, it is ±1 to the bit: 1 - tanh² is then 0, as it should be.
func (s simd) tanh() formula {
	low, high := s.numReg(-7.90531110763549805), s.numReg(7.90531110763549805)
	toMinusOne, toOne, minusOne, one := s.num(-9.011), s.num(9.011), s.num(-1), s.num(1)
	odd := s.nums(-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
		1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03)
	even := s.nums(1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03)
	return func(v []VecVirtual) VecVirtual {
		x := s.max(s.min(v[0], high), low)
		x2 := s.mul(x, x)
		y := s.div(s.mul(x, s.polynomial(x2, odd)), s.polynomial(x2, even))
		y = s.choose(s.cmp(ge, v[0], toOne), one, y)
		return s.choose(s.cmp(le, v[0], toMinusOne), minusOne, y)
	}
}

// log is Cephes' logf: x = 2ᵉ·(1+f) with 1+f in [√½, √2), and a polynomial of f.
func (s simd) log() formula {
	zero, minusInf, inf, nan := s.zero(), s.rare(math.Inf(-1)), s.rare(math.Inf(1)), s.rare(math.NaN())
	smallest, raise, raised := s.rare(0x1p-126), s.rare(0x1p23), s.rare(-23)
	rootHalf, one := s.word(math.Float32bits(math.Sqrt2/2)), s.num(1)
	minusHalf, high, low := s.rare(-0.5), s.rare(ln2High), s.rare(ln2Low)
	c := s.nums(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
		-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
	return func(v []VecVirtual) VecVirtual {
		tiny := s.cmp(lt, v[0], smallest())
		x := s.choose(tiny, s.mul(raise(), v[0]), v[0])
		k, e := s.reg(), s.reg()
		VPSUBD(rootHalf, x, k)
		VPSRAD(U8(23), k, k)
		VCVTDQ2PS(k, e)
		VPSLLD(U8(23), k, k)
		m := s.reg()
		VPSUBD(k, x, m)
		f := s.sub(m, one)
		e = s.add(e, s.keep(tiny, raised()))
		z := s.mul(f, f)
		y := s.mul(s.mul(f, z), s.polynomial(f, c))
		s.fma(y, low(), e)
		s.fma(y, minusHalf(), z)
		y = s.add(f, y)
		s.fma(y, high(), e)
		y = s.choose(s.cmp(lt, v[0], inf()), y, v[0]) // Inf and NaN stay
		y = s.choose(s.cmp(eq, v[0], zero), minusInf(), y)
		return s.choose(s.cmp(lt, v[0], zero), nan(), y)
	}
}

// log1p is Kahan's: with u = 1+x as rounded, ln u·(x/(u-1)), which makes up for the rounding; and x where u is 1.
func (s simd) log1p() formula {
	log, one, inf := s.log(), s.numReg(1), s.rare(math.Inf(1))
	return func(v []VecVirtual) VecVirtual {
		x := v[0]
		u := s.add(one, x)
		y := s.mul(log([]VecVirtual{u}), s.div(x, s.sub(u, one)))
		y = s.choose(s.cmp(eq, u, one), x, y)
		return s.choose(s.cmp(eq, u, inf()), u, y)
	}
}

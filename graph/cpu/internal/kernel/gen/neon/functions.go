package main

import "math"

// A formula computes one vector from operands. It is made by a function that first takes the constants.
type formula func(v []vec) vec

// functions generates Set.Apply.
func (f *file) functions() {
	one := func(o operation) func(*function) formula {
		return func(fn *function) formula { return func(v []vec) vec { return fn.do(o, v[0]) } }
	}
	two := func(o operation) func(*function) formula {
		return func(fn *function) formula { return func(v []vec) vec { return fn.do(o, v[0], v[1]) } }
	}
	for _, e := range []struct {
		name          string
		arity, unroll int
		formula       func(*function) formula
	}{
		{"neg", 1, 4, one(fneg)},
		{"abs", 1, 4, one(fabs)},
		{"sign", 1, 2, (*function).sign},
		{"floor", 1, 4, one(frintm)},
		{"ceil", 1, 4, one(frintp)},
		{"sqrt", 1, 2, one(fsqrt)},
		{"exp", 1, 1, (*function).exp},
		{"log", 1, 1, (*function).log},
		{"log1p", 1, 1, (*function).log1p},
		{"expm1", 1, 1, (*function).expm1},
		{"tanh", 1, 1, (*function).tanh},
		{"sigmoid", 1, 1, (*function).sigmoid},
		{"add", 2, 4, two(fadd)},
		{"sub", 2, 4, two(fsub)},
		{"mul", 2, 4, two(fmul)},
		{"div", 2, 2, two(fdiv)},
		{"max", 2, 2, extreme(fmax)},
		{"min", 2, 2, extreme(fmin)},
		{"lt", 2, 2, comparison(fcmgt, true)},
		{"le", 2, 2, comparison(fcmge, true)},
		{"eq", 2, 2, comparison(fcmeq, false)},
		{"ne", 2, 2, (*function).ne},
		{"where", 3, 2, (*function).where},
	} {
		f.elementwise(e.name, "Apply of "+e.name, "n int, dst, x, y, z *float32", e.arity, e.unroll, e.formula)
	}
}

// elementwise generates a function of each element: vectors by the unroll, then one by one, then elements.
func (f *file) elementwise(name, doc, params string, arity, unroll int, makeFormula func(*function) formula) {
	f.function(name+"NEON", doc, params, func(fn *function) {
		const n, dst, args gp = 0, 1, 2
		fn.param("n", n)
		fn.param("dst", dst)
		for i, p := range []string{"x", "y", "z"}[:arity] {
			fn.param(p, args+gp(i))
		}
		formula := makeFormula(fn)
		loop := func(label, next string, unroll, elements int, load, store access) {
			fn.label(label)
			fn.raw("CMP $%d, R%d", unroll*elements, n)
			fn.raw("BLT %s", next)
			var operands [][]vec
			for range unroll {
				var v []vec
				for i := range arity {
					v = append(v, fn.reg())
					fn.emit(load.load(v[i], args+gp(i), bySize))
				}
				operands = append(operands, v)
			}
			var results []vec
			for _, v := range operands {
				results = append(results, formula(v))
			}
			for _, r := range results {
				fn.emit(store.storeFrom(r, dst, bySize))
			}
			fn.raw("SUB $%d, R%d, R%d", unroll*elements, n, n)
			fn.raw("B %s", label)
		}
		if unroll > 1 {
			loop("many", "one", unroll, 4, wholes(1), wholes(1))
		}
		loop("one", "element", 1, 4, wholes(1), wholes(1))
		loop("element", "done", 1, 1, broadcast, lanes[0])
		fn.label("done")
	})
}

// do is an operation with a new register for its result.
func (fn *function) do(o operation, operands ...vec) vec {
	r := fn.reg()
	fn.emit(o.of(append([]vec{r}, operands...)...))
	return r
}

// onto is an operation that changes a copy of its first operand: it adds a product, or chooses.
func (fn *function) onto(o operation, first, a, b vec) vec {
	r := fn.reg()
	fn.emit(move(r, first), o.of(r, a, b))
	return r
}

// fma is sum + a·b, fnma is sum - a·b, choose is yes where the mask is set, else no.
func (fn *function) fma(sum, a, b vec) vec        { return fn.onto(fmla, sum, a, b) }
func (fn *function) fnma(sum, a, b vec) vec       { return fn.onto(fmls, sum, a, b) }
func (fn *function) choose(mask, yes, no vec) vec { return fn.onto(bsl, mask, yes, no) }

// polynomial is c[0]·xⁿ + ... + c[n].
func (fn *function) polynomial(x vec, c []vec) vec {
	p := c[0]
	for _, c := range c[1:] {
		p = fn.fma(c, p, x)
	}
	return p
}

// word is a constant in all lanes for the whole function, and num one that is a number.
func (fn *function) word(bits uint32) vec {
	r, ok := fn.constants[bits]
	if !ok {
		r = fn.pin()
		fn.constants[bits] = r
		if bits == 0 {
			fn.emit(eor.of(r, r, r))
		} else {
			fn.raw("MOVW $0x%08x, R9", bits)
			fn.emit(dup(r, 9))
		}
	}
	return r
}

func (fn *function) num(x float64) vec { return fn.word(math.Float32bits(float32(x))) }

func (fn *function) nums(xs ...float64) (rs []vec) {
	for _, x := range xs {
		rs = append(rs, fn.num(x))
	}
	return rs
}

const (
	log2e   = math.Log2E
	ln2High = 0.693359375 // exact in 10 bits, so that n·ln2High is exact
	ln2Low  = math.Ln2 - ln2High
)

func (fn *function) sign() formula {
	one, minus, zero := fn.num(1), fn.num(-1), fn.num(0)
	return func(v []vec) vec {
		r := fn.choose(fn.do(fcmgt, zero, v[0]), minus, v[0])
		return fn.choose(fn.do(fcmgt, v[0], zero), one, r)
	}
}

// extreme is the maximum or the minimum, NaN if either is. Of zeros it is the first, whatever their signs, as on AVX2.
func extreme(o operation) func(*function) formula {
	return func(fn *function) formula {
		return func(v []vec) vec {
			r := fn.do(o, v[0], v[1])
			return fn.choose(fn.do(fcmeq, v[0], v[1]), v[0], r)
		}
	}
}

// comparison is 1 where it holds, else 0.
func comparison(o operation, swap bool) func(*function) formula {
	return func(fn *function) formula {
		one := fn.num(1)
		return func(v []vec) vec {
			a, b := v[0], v[1]
			if swap {
				a, b = b, a
			}
			return fn.do(and, fn.do(o, a, b), one)
		}
	}
}

func (fn *function) ne() formula {
	one := fn.num(1)
	return func(v []vec) vec { return fn.do(and, fn.do(mvn, fn.do(fcmeq, v[0], v[1])), one) }
}

func (fn *function) where() formula {
	zero := fn.num(0)
	return func(v []vec) vec { return fn.choose(fn.do(fcmeq, v[0], zero), v[2], v[1]) }
}

// expParts returns n and p with exp(x) = 2ⁿ·(1 + p): n = round(x/ln 2), and p a polynomial of the remainder,
// after Cephes' expf. x is cut off where the result is 0 or Inf. NaN gives NaN.
func (fn *function) expParts() func(x vec) (n, p vec) {
	low, high := fn.num(-104), fn.num(89)
	toLog2, toLn, rest := fn.num(log2e), fn.num(ln2High), fn.num(ln2Low)
	c := fn.nums(1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
	return func(x vec) (n, p vec) {
		x = fn.do(fmax, fn.do(fmin, x, high), low)
		n = fn.do(frintn, fn.do(fmul, toLog2, x))
		r := fn.fnma(fn.fnma(x, toLn, n), rest, n)
		return n, fn.fma(r, fn.do(fmul, r, r), fn.polynomial(r, c))
	}
}

// scale returns a·2ⁿ for whole n in [-151, 128], rounded once where that is subnormal: in two steps, for neither power
// to be out of range.
func (fn *function) scale() func(a, n vec) vec {
	bias := fn.word(127)
	return func(a, n vec) vec {
		k, half := fn.do(fcvtns, n), fn.reg()
		fn.emit(shiftRight(half, k, 1))
		for _, part := range []vec{half, fn.do(sub, k, half)} {
			power := fn.reg()
			fn.emit(shiftLeft(power, fn.do(add, part, bias), 23))
			a = fn.do(fmul, power, a)
		}
		return a
	}
}

func (fn *function) exp() formula {
	parts, scale, one := fn.expParts(), fn.scale(), fn.num(1)
	return func(v []vec) vec {
		n, p := parts(v[0])
		return scale(fn.do(fadd, one, p), n)
	}
}

// expm1 is 2·(t·p + (t - ½)) with t = 2ⁿ⁻¹: exact where n is 0, and without overflow where the result has none.
func (fn *function) expm1() formula {
	parts, scale, one, half := fn.expParts(), fn.scale(), fn.num(1), fn.num(0.5)
	return func(v []vec) vec {
		n, p := parts(v[0])
		t := scale(one, fn.do(fsub, n, one))
		r := fn.fma(fn.do(fsub, t, half), t, p)
		return fn.do(fadd, r, r)
	}
}

func (fn *function) sigmoid() formula {
	exp, one := fn.exp(), fn.num(1)
	return func(v []vec) vec {
		e := exp([]vec{fn.do(fneg, v[0])})
		return fn.do(fdiv, one, fn.do(fadd, one, e))
	}
}

// tanh is the ratio of an odd and an even polynomial, of degrees 13 and 6, that Eigen uses, good up to ±7.9.
// From ±9.011 on, where the nearest number is ±1, it is ±1 to the bit: 1 - tanh² is then 0, as it should be.
func (fn *function) tanh() formula {
	low, high := fn.num(-7.90531110763549805), fn.num(7.90531110763549805)
	toMinusOne, toOne, minusOne, one := fn.num(-9.011), fn.num(9.011), fn.num(-1), fn.num(1)
	odd := fn.nums(-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
		1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03)
	even := fn.nums(1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03)
	return func(v []vec) vec {
		x := fn.do(fmax, fn.do(fmin, v[0], high), low)
		x2 := fn.do(fmul, x, x)
		y := fn.do(fdiv, fn.do(fmul, x, fn.polynomial(x2, odd)), fn.polynomial(x2, even))
		y = fn.choose(fn.do(fcmge, v[0], toOne), one, y)
		return fn.choose(fn.do(fcmge, toMinusOne, v[0]), minusOne, y)
	}
}

// log is Cephes' logf: x = 2ᵉ·(1+f) with 1+f in [√½, √2), and a polynomial of f.
func (fn *function) log() formula {
	zero, minusInf, inf, nan := fn.num(0), fn.num(math.Inf(-1)), fn.num(math.Inf(1)), fn.word(0x7FC00000)
	smallest, raise, raised := fn.num(0x1p-126), fn.num(0x1p23), fn.num(-23)
	rootHalf, one := fn.num(math.Sqrt2/2), fn.num(1)
	minusHalf, high, low := fn.num(-0.5), fn.num(ln2High), fn.num(ln2Low)
	c := fn.nums(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
		-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
	return func(v []vec) vec {
		tiny := fn.do(fcmgt, smallest, v[0])
		x := fn.choose(tiny, fn.do(fmul, raise, v[0]), v[0])
		k, exponent := fn.reg(), fn.reg()
		fn.emit(shiftRight(k, fn.do(sub, x, rootHalf), 23), shiftLeft(exponent, k, 23))
		e := fn.do(fadd, fn.do(scvtf, k), fn.do(and, tiny, raised))
		f := fn.do(fsub, fn.do(sub, x, exponent), one)
		z := fn.do(fmul, f, f)
		y := fn.do(fmul, fn.do(fmul, f, z), fn.polynomial(f, c))
		y = fn.fma(fn.fma(y, low, e), minusHalf, z)
		y = fn.fma(fn.do(fadd, f, y), high, e)
		y = fn.choose(fn.do(fcmgt, inf, v[0]), y, v[0]) // Inf and NaN stay
		y = fn.choose(fn.do(fcmeq, v[0], zero), minusInf, y)
		return fn.choose(fn.do(fcmgt, zero, v[0]), nan, y)
	}
}

// log1p is Kahan's: with u = 1+x as rounded, ln u·(x/(u-1)), which makes up for the rounding; and x where u is 1.
func (fn *function) log1p() formula {
	log, one, inf := fn.log(), fn.num(1), fn.num(math.Inf(1))
	return func(v []vec) vec {
		x := v[0]
		u := fn.do(fadd, one, x)
		y := fn.do(fmul, log([]vec{u}), fn.do(fdiv, x, fn.do(fsub, u, one)))
		y = fn.choose(fn.do(fcmeq, u, one), x, y)
		return fn.choose(fn.do(fcmeq, u, inf), u, y)
	}
}

package main

import "math"

// A sum is that of AVX2 to the bit: it has lanes of eight elements, here two registers, and as many partial sums.
type sums [][2]vec

// reductions generates what Sum, Dot, Max and ExpSum do with eights of elements, and Affine.
func (f *file) reductions() {
	f.sums("sums", "the eight partial sums of Set.Sum", "eights int, x, tail, lanes *float32")
	f.sums("dots", "the eight partial sums of Set.Dot", "eights int, x, y, tail, yTail, lanes *float32")
	f.maxima()
	f.expSums()
	affine := func(fn *function) formula {
		scale, shift := fn.spread("scale"), fn.spread("shift")
		return func(v []vec) vec { return fn.fma(shift, v[0], scale) }
	}
	f.elementwise("affine", "Set.Affine", "n int, dst, x *float32, scale, shift float32", 1, 2, affine)
}

// sums generates sums of elements, or of products of elements: of eights, and of eight more, in four partial sums.
func (f *file) sums(name, doc, params string) {
	f.function(name+"NEON", doc, params, func(fn *function) {
		const eights, x, y gp = 0, 1, 2
		dot := name == "dots"
		fn.param("eights", eights)
		fn.param("x", x)
		if dot {
			fn.param("y", y)
		}
		acc := fn.start(4, 0)
		body := func(u, half int) {
			v := fn.load(x)
			if dot {
				fn.emit(fmla.of(acc[u][half], v, fn.load(y)))
			} else {
				fn.emit(fadd.of(acc[u][half], acc[u][half], v))
			}
		}
		fn.eights(eights, 4, body)
		fn.param("tail", x)
		if dot {
			fn.param("yTail", y)
		}
		body(0, 0)
		body(0, 1)
		fn.finish(acc, func(to, from vec) { fn.emit(fadd.of(to, from, to)) })
	})
}

// maxima generates the largest of eights of elements, and of eight more, NaN if any is, in two partial ones.
func (f *file) maxima() {
	f.function("maximaNEON", "the largest of each of the eight parts of Set.Max", "eights int, x, tail, lanes *float32",
		func(fn *function) {
			const eights, x gp = 0, 1
			fn.param("eights", eights)
			fn.param("x", x)
			best, larger := fn.start(2, math.Inf(-1)), extreme(fmax)(fn)
			body := func(u, half int) {
				fn.emit(move(best[u][half], larger([]vec{best[u][half], fn.load(x)})))
			}
			fn.eights(eights, 2, body)
			fn.param("tail", x)
			body(0, 0)
			body(0, 1)
			fn.finish(best, func(to, from vec) { fn.emit(move(to, larger([]vec{from, to}))) })
		})
}

// expSums generates the exponentials of eights of elements, and their sum with eight more, in two partial sums.
func (f *file) expSums() {
	f.function("expSumsNEON", "Set.ExpSum of eights, with the eight partial sums",
		"eights int, dst, x *float32, shift float32, tail, lanes *float32", func(fn *function) {
			const eights, dst, x gp = 0, 1, 2
			fn.param("eights", eights)
			fn.param("dst", dst)
			fn.param("x", x)
			shift, exp, acc := fn.spread("shift"), fn.exp(), fn.start(2, 0)
			add := func(u, half int, v vec) { fn.emit(fadd.of(acc[u][half], v, acc[u][half])) }
			fn.eights(eights, 2, func(u, half int) {
				e := exp([]vec{fn.do(fsub, fn.load(x), shift)})
				add(u, half, e)
				fn.emit(wholes(1).storeFrom(e, dst, bySize))
			})
			fn.param("tail", x)
			add(0, 0, fn.load(x))
			add(0, 1, fn.load(x))
			fn.finish(acc, func(to, from vec) { fn.emit(fadd.of(to, from, to)) })
		})
}

// start takes registers for partial sums, which begin with x.
func (fn *function) start(count int, x float64) (acc sums) {
	first := fn.num(x)
	for range count {
		pair := [2]vec{fn.pin(), fn.pin()}
		fn.emit(move(pair[0], first), move(pair[1], first))
		acc = append(acc, pair)
	}
	return acc
}

// eights does something with the two halves of eights: unroll of them at a time, then one by one.
func (fn *function) eights(count gp, unroll int, do func(u, half int)) {
	for _, l := range []struct {
		label, next string
		unroll      int
	}{{"many", "one", unroll}, {"one", "tail", 1}} {
		fn.label(l.label)
		fn.raw("CMP $%d, R%d", l.unroll, count)
		fn.raw("BLT %s", l.next)
		for u := range l.unroll {
			do(u, 0)
			do(u, 1)
		}
		fn.raw("SUB $%d, R%d, R%d", l.unroll, count, count)
		fn.raw("B %s", l.label)
	}
	fn.label("tail")
}

// finish joins partial sums, neighbours first, and stores the eight lanes of the last.
func (fn *function) finish(acc sums, join func(to, from vec)) {
	for step := 1; step < len(acc); step *= 2 {
		for u := 0; u < len(acc); u += 2 * step {
			join(acc[u][0], acc[u+step][0])
			join(acc[u][1], acc[u+step][1])
		}
	}
	fn.param("lanes", 1)
	for _, v := range acc[0] {
		fn.emit(wholes(1).storeFrom(v, 1, bySize))
	}
}

// load is the next four elements.
func (fn *function) load(from gp) vec {
	v := fn.reg()
	fn.emit(wholes(1).load(v, from, bySize))
	return v
}

// spread is a parameter in all lanes, for the whole function.
func (fn *function) spread(param string) vec {
	r := fn.pin()
	fn.param(param, 9)
	fn.emit(dup(r, 9))
	return r
}

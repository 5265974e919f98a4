package cpu

import (
	"fmt"
	"testing"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// A formula writes a Map's code: each method appends an operation and returns its register.
type formula struct {
	in   []tape.Operand
	code []tape.Op
}

func (f *formula) op(fn tape.Fn, args ...int) int {
	o := tape.Op{Fn: fn}
	copy(o.Args[:], args)
	f.code = append(f.code, o)
	return len(f.in) + len(f.code) - 1
}

func (f *formula) num(x float64) int {
	f.code = append(f.code, tape.Op{Fn: tape.Const, Value: x})
	return len(f.in) + len(f.code) - 1
}

func (f *formula) mapping(shape []int, result []int, out ...tape.Operand) *tape.Map {
	return &tape.Map{Shape: shape, In: f.in, Code: f.code, Result: result, Out: out}
}

// languageModel is one training step of a character language model: two LSTM layers of 512, batches of 50, 50
// steps, 65 characters; forward, backward, Adam. 49 GF.
func languageModel() *builder {
	const (
		layers, batch, steps, chars, hidden = 2, 50, 50, 65, 512
		gates, rows                         = 4 * hidden, batch * steps
		size                                = batch * hidden
	)
	b := &builder{tape.Tape{Float: tape.Float32}}
	state := func(n int) tape.Ref { return b.buffer(tape.State, n) }
	at := func(r tape.Ref, off int, step ...int) tape.Ref {
		return tape.Ref{Buf: r.Buf, Off: r.Off + off, Step: step}
	}
	product := func(c, a, w tape.Ref, m, n, k int, ta, tb, acc bool) *tape.Product {
		p := &tape.Product{A: a, B: w, C: c, Batch: 1, M: m, N: n, K: k, TransA: ta, TransB: tb, LdA: k, LdB: n,
			LdC: n, Acc: acc}
		if ta {
			p.LdA = m
		}
		if tb {
			p.LdB = k
		}
		return p
	}
	cell := []int{batch, hidden}
	gate := func(z tape.Ref, i int) tape.Operand {
		z.Off += i * hidden
		return tape.Operand{Ref: z, Strides: []int{gates, 1}}
	}

	x, y := b.slot(tape.Input, tape.Int32, rows), b.slot(tape.Input, tape.Int32, rows)
	var params, grads []tape.Ref
	var sizes []int
	param := func(n int) (w, g tape.Ref) {
		w, g = state(n), state(n)
		params, grads, sizes = append(params, w), append(grads, g), append(sizes, n)
		return w, g
	}
	type layer struct{ w, u, bias, dw, du, dbias, z, c, h tape.Ref }
	var ls [layers]layer
	for i := range ls {
		l, in := &ls[i], hidden
		if i == 0 {
			in = chars
		}
		l.w, l.dw = param(in * gates)
		l.u, l.du = param(hidden * gates)
		l.bias, l.dbias = param(gates)
		l.z, l.c, l.h = state(rows*gates), state((steps+1)*size), state((steps+1)*size)

		if i == 0 {
			b.emit(&tape.Gather{Table: l.w, Index: x, Out: l.z, N: rows, Width: gates, Rows: chars})
		} else {
			b.emit(product(l.z, at(ls[i-1].h, size), l.w, rows, gates, hidden, false, false, false))
		}
		// Gates i, f, o and the candidate g in place of the sums; c and h.
		z, one := at(l.z, 0, batch*gates), []int{hidden, 1}
		f := formula{in: []tape.Operand{gate(z, 0), gate(z, 1), gate(z, 2), gate(z, 3), {Ref: at(l.c, 0, size), Strides: one},
			{Ref: at(l.bias, 0), Strides: []int{0, 1}}, {Ref: at(l.bias, hidden), Strides: []int{0, 1}},
			{Ref: at(l.bias, 2*hidden), Strides: []int{0, 1}}, {Ref: at(l.bias, 3*hidden), Strides: []int{0, 1}}}}
		ig := f.op(tape.Sigmoid, f.op(tape.Add, 0, 5))
		fg := f.op(tape.Sigmoid, f.op(tape.Add, 1, 6))
		og := f.op(tape.Sigmoid, f.op(tape.Add, 2, 7))
		g := f.op(tape.Tanh, f.op(tape.Add, 3, 8))
		c := f.op(tape.Add, f.op(tape.Mul, fg, 4), f.op(tape.Mul, ig, g))
		h := f.op(tape.Mul, og, f.op(tape.Tanh, c))
		b.emit(&tape.Loop{Trip: steps, Body: []tape.Instr{
			product(z, at(l.h, 0, size), l.u, batch, gates, hidden, false, false, true),
			f.mapping(cell, []int{ig, fg, og, g, c, h}, gate(z, 0), gate(z, 1), gate(z, 2), gate(z, 3),
				tape.Operand{Ref: at(l.c, size, size), Strides: one}, tape.Operand{Ref: at(l.h, size, size), Strides: one}),
		}})
	}

	wo, dwo := param(hidden * chars)
	bo, dbo := param(chars)
	logits, loss, mean, weight := state(rows*chars), state(rows), b.buffer(tape.Output, 1), state(rows)
	top := at(ls[layers-1].h, size)
	f := formula{in: []tape.Operand{dense(logits, rows, chars), {Ref: bo, Strides: []int{0, 1}}}}
	sum := f.op(tape.Add, 0, 1)
	dh := state(rows * hidden)
	b.emit(
		product(logits, top, wo, rows, chars, hidden, false, false, false),
		f.mapping([]int{rows, chars}, []int{sum}, dense(logits, rows, chars)),
		&tape.Rows{Kind: tape.CrossEntropy, In: []tape.Ref{logits, y}, Out: loss, Rows: rows, Cols: chars},
		&tape.Reduce{Fn: tape.Sum, In: loss, Out: mean, Outer: 1, N: rows, Inner: 1},
		&tape.Rows{Kind: tape.CrossEntropyGrad, In: []tape.Ref{logits, y, weight}, Out: logits, Rows: rows, Cols: chars},
		product(dwo, top, logits, hidden, chars, rows, true, false, false),
		&tape.Reduce{Fn: tape.Sum, In: logits, Out: dbo, Outer: 1, N: rows, Inner: chars},
		product(dh, logits, wo, rows, hidden, chars, false, true, false),
	)

	for i := layers - 1; i >= 0; i-- {
		l := &ls[i]
		dz, dc, dhr := state(rows*gates), state(size), state(size)
		back := func(r tape.Ref, n, off int) tape.Ref { return at(r, (steps-1)*n+off, -n) }
		z, one := back(l.z, batch*gates, 0), []int{hidden, 1}
		view := func(r tape.Ref) tape.Operand { return tape.Operand{Ref: r, Strides: one} }
		f := formula{in: []tape.Operand{gate(z, 0), gate(z, 1), gate(z, 2), gate(z, 3), view(back(l.c, size, 0)),
			view(back(l.c, size, size)),
			view(back(dh, size, 0)), view(dhr), view(dc)}}
		ig, fg, og, g, cOld, cNew := 0, 1, 2, 3, 4, 5
		one1 := f.num(1)
		d := f.op(tape.Add, 6, 7)
		tc := f.op(tape.Tanh, cNew)
		dcNew := f.op(tape.Add, 8, f.op(tape.Mul, f.op(tape.Mul, d, og), f.op(tape.Sub, one1, f.op(tape.Mul, tc, tc))))
		slope := func(x, s int) int { return f.op(tape.Mul, x, f.op(tape.Mul, s, f.op(tape.Sub, one1, s))) }
		di := slope(f.op(tape.Mul, dcNew, g), ig)
		df := slope(f.op(tape.Mul, dcNew, cOld), fg)
		do := slope(f.op(tape.Mul, d, tc), og)
		dg := f.op(tape.Mul, f.op(tape.Mul, dcNew, ig), f.op(tape.Sub, one1, f.op(tape.Mul, g, g)))
		dcOld := f.op(tape.Mul, dcNew, fg)
		at0 := back(dz, batch*gates, 0)
		zero := formula{}
		nought := zero.num(0)
		b.emit(
			zero.mapping([]int{size}, []int{nought, nought}, dense(dc, size), dense(dhr, size)),
			&tape.Loop{Trip: steps, Body: []tape.Instr{
				f.mapping(cell, []int{di, df, do, dg, dcOld}, gate(at0, 0), gate(at0, 1), gate(at0, 2), gate(at0, 3), view(dc)),
				product(dhr, at0, l.u, batch, hidden, gates, false, true, false),
			}},
			product(l.du, l.h, dz, hidden, gates, rows, true, false, false),
			&tape.Reduce{Fn: tape.Sum, In: dz, Out: l.dbias, Outer: 1, N: rows, Inner: gates},
		)
		if i == 0 {
			b.emit(&tape.ScatterAdd{Index: x, In: dz, Out: l.dw, N: rows, Width: gates, Rows: chars})
		} else {
			b.emit(
				product(l.dw, at(ls[i-1].h, size), dz, hidden, gates, rows, true, false, false),
				product(dh, dz, l.w, rows, hidden, gates, false, true, false),
			)
		}
	}

	for i, w := range params {
		m, v, n := state(sizes[i]), state(sizes[i]), sizes[i]
		f := formula{in: []tape.Operand{dense(w, n), dense(grads[i], n), dense(m, n), dense(v, n)}}
		b1, b2, c1, c2, rate, eps := f.num(0.9), f.num(0.999), f.num(0.1), f.num(0.001), f.num(1e-5), f.num(1e-8)
		m1 := f.op(tape.Add, f.op(tape.Mul, 2, b1), f.op(tape.Mul, 1, c1))
		v1 := f.op(tape.Add, f.op(tape.Mul, f.op(tape.Abs, 3), b2), f.op(tape.Mul, f.op(tape.Mul, 1, 1), c2))
		w1 := f.op(tape.Sub, 0, f.op(tape.Mul, rate, f.op(tape.Div, m1, f.op(tape.Add, f.op(tape.Sqrt, v1), eps))))
		b.emit(f.mapping([]int{n}, []int{w1, m1, v1}, dense(w, n), dense(m, n), dense(v, n)))
	}
	return b
}

func BenchmarkLanguageModel(b *testing.B) {
	lm := languageModel()
	for _, path := range kernel.Paths()[:max(1, len(kernel.Paths())-1)] {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/%d", path, threads), func(b *testing.B) {
				p := lm.start(b, onPath(path), Threads(threads))
				shortest := best(b, func() {
					if err := p.Run(); err != nil {
						b.Fatal(err)
					}
				})
				b.ReportMetric(shortest/1e6, "best-ms")
				b.ReportMetric(49.02e9/shortest, "GF/s")
			})
		}
	}
}

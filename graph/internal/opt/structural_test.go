package opt

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

func init() { passCases = append(passCases, structuralCases...) }

var structuralCases = []passCase{
	{"factor", "attention", func(b *ir.Builder, f *ir.Func) {
		// A state compared with S = 4 positions, and what the derivative makes of it.
		h, w := f.AddParam(f64(2, 3), "h"), f.AddParam(f64(3, 5), "w")
		dz := f.AddParam(f64(8, 5), "dz")
		rows := b.Reshape(b.Broadcast(b.Reshape(h, 2, 1, 3), 2, 4, 3), 8, 3)
		dh := b.Reshape(b.Product(dz, w, false, true), 2, 4, 3)
		f.Results = []*ir.Value{
			b.Product(rows, w, false, false),
			b.Product(rows, dz, true, false),
			b.Reduce(tape.Sum, dh, 1),
			b.Product(rows, f.AddParam(f64(5, 8), "dzᵀ"), true, true),                   // the rows lie in columns
			b.Reduce(tape.Sum, b.Reshape(b.Product(dz, w, false, true), 2, 4, 3), 1, 2), // columns, too
		}
	}},
	{"merge", "twins", func(b *ir.Builder, f *ir.Func) {
		// Two loops over x, one of them backwards, and one that needs the first.
		x, h0 := f.AddParam(f64(4, 2), "x"), f.AddParam(f64(2), "h")
		loop := func(x *ir.Value, rev bool) []*ir.Value {
			l := newLoop(b, "", 4)
			xt, h := l.seq(x, rev), l.carry(h0)
			l.next = []*ir.Value{b.Elem(tape.Tanh, b.Add(xt, h))}
			l.stack(l.next[0], rev)
			return l.build()
		}
		there, back := loop(x, false), loop(x, true)
		f.Results = []*ir.Value{there[1], back[1], loop(there[0], false)[0], back[0]}
	}},
	{"merge", "circle", func(b *ir.Builder, f *ir.Func) {
		// B needs D and C needs A. A and B could be one, and C and D; but not both.
		loop := func(trip int, x *ir.Value) *ir.Value {
			l := newLoop(b, "", trip)
			h := l.carry(x)
			l.next = []*ir.Value{b.Elem(tape.Tanh, h)}
			return l.build()[0]
		}
		x, y := f.AddParam(f64(2), "x"), f.AddParam(f64(2), "y")
		a, d := loop(3, x), loop(4, y)
		f.Results = []*ir.Value{loop(3, d), loop(4, a)}
	}},
	{"split", "concat", func(b *ir.Builder, f *ir.Func) {
		x, h0, w := f.AddParam(f64(4, 2, 3), "x"), f.AddParam(f64(2, 5), "h"), f.AddParam(f64(8, 5), "w")
		l := newLoop(b, "", 4)
		xt, h, c := l.seq(x, false), l.carry(h0), l.constant(w)
		l.next = []*ir.Value{b.Elem(tape.Tanh, b.Product(b.Concat(1, xt, h), c, false, false))}
		f.Results = l.build()
	}},
	{"take", "gradients", func(b *ir.Builder, f *ir.Func) {
		g, h0, w := f.AddParam(f64(4, 2, 5), "g"), f.AddParam(f64(2, 5), "dh"), f.AddParam(f64(8, 5), "w")
		l := newLoop(b, "", 4)
		gt, dh, c := l.seq(g, true), l.carry(h0), l.constant(w)
		d := b.Product(b.Mul(gt, dh), c, false, true)
		l.next = []*ir.Value{b.Slice(d, 1, 3, 8)}
		l.stack(b.Slice(d, 1, 0, 3), true)
		f.Results = l.build()
	}},
	{"take", "weights", func(b *ir.Builder, f *ir.Func) {
		// The gradient of a weight that is laid out either way, from x and from a stacked state.
		x, hs, g := f.AddParam(f64(4, 2, 3), "x"), f.AddParam(f64(4, 2, 5), "h"), f.AddParam(f64(4, 2, 6), "g")
		l := newLoop(b, "", 4)
		xt, ht, gt := l.seq(x, true), l.seq(hs, true), l.seq(g, true)
		xh := b.Concat(1, xt, ht)
		dw, dv := l.carry(b.Const(0, 8, 6)), l.carry(b.Const(0, 6, 8))
		l.next = []*ir.Value{b.Add(dw, b.Product(xh, gt, true, false)), b.Add(dv, b.Product(gt, xh, true, false))}
		f.Results = l.build()
	}},
	{"reuse", "recomputed", func(b *ir.Builder, f *ir.Func) {
		x, h0, u := f.AddParam(f64(4, 2, 3), "x"), f.AddParam(f64(2, 3), "h0"), f.AddParam(f64(3, 3), "u")
		l := newLoop(b, "", 4)
		xt, h, w := l.seq(x, false), l.carry(h0), l.constant(u)
		gate := func(x, h, w *ir.Value) *ir.Value {
			return b.Elem(tape.Sigmoid, b.Add(x, b.Product(h, w, false, false)))
		}
		next := func(z, h *ir.Value) *ir.Value { return b.Elem(tape.Tanh, b.Mul(z, h)) }
		l.next = []*ir.Value{next(gate(xt, h, w), h)}
		l.stack(h, false)
		entries := l.build()

		r := newLoop(b, "back", 4)
		xt, h, g, w := r.seq(x, true), r.seq(entries[0], true), r.carry(h0), r.constant(u)
		z := gate(xt, h, w)
		y := next(z, h)
		r.next = []*ir.Value{b.Mul(b.Mul(g, z), b.Sub(b.Like(1, y), b.Mul(y, y)))}
		f.Results = append(r.build(), entries[1])
	}},
	{"hoist", "frontier", func(b *ir.Builder, f *ir.Func) {
		x, index := f.AddParam(f64(4, 2, 3), "x"), f.AddParam(i32(4, 2), "index")
		table, w, bias := f.AddParam(f64(3, 5), "table"), f.AddParam(f64(3, 5), "w"), f.AddParam(f64(5), "bias")
		l := newLoop(b, "", 4)
		xt, it, h := l.seq(x, true), l.seq(index, true), l.carry(b.Const(0, 2, 5))
		c, wt, bt := l.constant(table), l.constant(w), l.constant(bias)
		e := b.New(ir.Gather{}, b.Elem(tape.Tanh, c), it)
		z := b.Add(b.Product(b.Elem(tape.Exp, xt), wt, false, false), b.Elem(tape.Sqrt, b.Mul(bt, bt)))
		l.next = []*ir.Value{b.Elem(tape.Tanh, b.Add(b.Add(h, e), z))}
		f.Results = l.build()
	}},
	{"weightgrad", "sums", func(b *ir.Builder, f *ir.Func) {
		x, g := f.AddParam(f64(4, 2, 3), "x"), f.AddParam(f64(4, 2, 5), "g")
		index, w := f.AddParam(i32(4, 2), "index"), f.AddParam(f64(5, 5), "w")
		l := newLoop(b, "", 4)
		xt, gt, it := l.seq(x, true), l.seq(g, true), l.seq(index, true)
		dh := l.carry(b.Const(0, 2, 5))
		dw, db, de, dc := l.carry(b.Const(0, 3, 5)), l.carry(b.Const(1, 5)), l.carry(b.Const(0, 3, 5)),
			l.carry(b.Const(0, 2, 5))
		mixed, same := l.carry(b.Const(0, 2, 5)), l.carry(b.Const(1, 2, 5))
		wt := l.constant(w)
		dz := b.Mul(gt, b.Elem(tape.Tanh, dh))
		square := b.Mul(dz, dz)
		l.next = []*ir.Value{
			b.Product(dz, wt, false, true),
			b.Add(dw, b.Product(xt, dz, true, false)),
			b.Sub(db, b.Reduce(tape.Sum, dz, 0)),
			b.Add(de, b.New(ir.ScatterAdd{Rows: 3}, it, dz)),
			b.Add(dc, b.Product(square, wt, false, true)),
			b.Sub(b.Add(mixed, b.Elem(tape.Exp, dz)), b.Product(dz, wt, false, false)),
			b.Add(same, square),
		}
		f.Results = l.build()
	}},
	{"weightgrad", "attention", func(b *ir.Builder, f *ir.Func) {
		// So much that it is not kept for all steps: a query and N×K keys, whose sum is weighted with v.
		const n, k, h = 2, 600, 256
		keys, v := f.AddParam(f64(n, k, h), "keys"), f.AddParam(f64(1, h), "v")
		l := newLoop(b, "", 2)
		query, bias, dv := l.carry(b.Const(0.1, n, h)), l.carry(b.Const(0, h)), l.carry(b.Const(0, 1, h))
		kt, vt := l.constant(keys), l.constant(v)
		e := b.Elem(tape.Tanh, b.Add(b.Broadcast(b.Reshape(query, n, 1, h), n, k, h), kt))
		score := b.Reshape(b.Product(b.Reshape(e, n*k, h), vt, false, true), n, 1, k)
		a := b.New(ir.Rows{Kind: tape.Softmax}, score)
		dz := b.Mul(e, b.Elem(tape.Sin, e))
		column := b.Reshape(a, n*k, 1)
		l.next = []*ir.Value{
			b.Reduce(tape.Sum, dz, 1),
			b.Add(bias, b.Reduce(tape.Sum, dz, 0, 1)),
			b.Add(dv, b.Product(column, b.Reshape(e, n*k, h), true, false)),
		}
		f.Results = l.build()
	}},
	{"sink", "outputs", func(b *ir.Builder, f *ir.Func) {
		x, v := f.AddParam(f64(4, 2, 5), "x"), f.AddParam(f64(5, 7), "v")
		l := newLoop(b, "", 4)
		xt, h, vt := l.seq(x, false), l.carry(b.Const(0, 2, 5)), l.constant(v)
		n := b.Elem(tape.Tanh, b.Add(xt, h))
		l.next = []*ir.Value{n}
		l.stack(b.New(ir.Rows{Kind: tape.Softmax}, b.Product(n, vt, false, false)), false)
		l.stack(b.Mul(n, xt), false)
		f.Results = l.build()
	}},
	{"narrow", "gates", func(b *ir.Builder, f *ir.Func) {
		x, h, c := f.AddParam(f64(2, 6), "x"), f.AddParam(f64(2, 6), "h"), f.AddParam(f64(6), "b")
		z := b.Add(b.Add(x, h), c)
		whole, twice := b.Mul(x, h), b.Sub(x, h)
		f.Results = []*ir.Value{
			b.Mul(b.Elem(tape.Sigmoid, b.Slice(z, 1, 0, 3)), b.Elem(tape.Tanh, b.Slice(z, 1, 3, 6))),
			b.Product(b.Slice(whole, 1, 0, 3), b.Slice(whole, 1, 3, 6), true, false),
			b.Add(b.Elem(tape.Tanh, b.Slice(twice, 1, 0, 4)), b.Elem(tape.Exp, b.Slice(twice, 1, 2, 6))),
		}
	}},
	{"fuse", "squares", func(b *ir.Builder, f *ir.Func) {
		// The norm of a gradient, and a step that depends on it and wants the squares again.
		g, m, s := f.AddParam(f64(2, 3), "g"), f.AddParam(f64(2, 3), "m"), f.AddParam(f64(2, 3), "s")
		square, dear := b.Mul(g, g), b.Elem(tape.Exp, g)
		norm := b.Reduce(tape.Sum, b.Mul(square, dear), 0, 1)
		scaled := b.Mul(g, b.Broadcast(norm, 2, 3))
		f.Results = []*ir.Value{norm, b.Add(m, scaled), b.Add(b.Add(s, square), b.Mul(scaled, dear))}
	}},
	{"fuse", "levels", func(b *ir.Builder, f *ir.Func) {
		// y leads to z both directly and through a product: they cannot be one value; but what only z reads can
		// wait for it.
		x, w, c := f.AddParam(f64(2, 3), "x"), f.AddParam(f64(3, 3), "w"), f.AddParam(f64(3), "c")
		y := b.Elem(tape.Tanh, b.Add(x, c))
		e := b.Elem(tape.Exp, b.Mul(x, b.Like(0.5, x)))
		z := b.Add(b.Mul(b.Product(y, w, false, false), y), e)
		f.Results = []*ir.Value{z, b.Elem(tape.Neg, b.New(ir.Iota{Axis: 1, Of: f64(2, 3)})), y}
	}},
}

func init() {
	passCases = append(passCases,
		passCase{"regroup", "biases", func(b *ir.Builder, f *ir.Func) {
			x, h0, p, q := f.AddParam(f64(4, 2, 3), "x"), f.AddParam(f64(2, 3), "h"), f.AddParam(f64(3), "p"),
				f.AddParam(f64(3), "q")
			l := newLoop(b, "", 4)
			xt, h, pt, qt := l.seq(x, false), l.carry(h0), l.constant(p), l.constant(q)
			twice := b.Add(h, pt)
			l.next = []*ir.Value{b.Elem(tape.Tanh, b.Add(b.Add(xt, pt), b.Add(h, qt)))}
			l.stack(b.Mul(twice, b.Add(twice, qt)), false)
			f.Results = l.build()
		}},
		passCase{"join", "gates", func(b *ir.Builder, f *ir.Func) {
			// Two gates with weights of their own, and what their derivative adds up.
			x, h0 := f.AddParam(f64(4, 2, 3), "x"), f.AddParam(f64(2, 3), "h")
			u, v := f.AddParam(f64(3, 3), "u"), f.AddParam(f64(3, 3), "v")
			l := newLoop(b, "", 4)
			xt, h, g, ut, vt := l.seq(x, false), l.carry(h0), l.carry(h0), l.constant(u), l.constant(v)
			z := b.Elem(tape.Sigmoid, b.Add(xt, b.Product(h, ut, false, false)))
			n := b.Elem(tape.Tanh, b.Mul(z, b.Product(h, vt, false, true)))
			dz, dn := b.Mul(g, z), b.Mul(g, n)
			l.next = []*ir.Value{n, b.Add(b.Add(b.Product(dz, ut, false, true), b.Product(dn, vt, false, false)), xt)}
			l.stack(dn, true)
			f.Results = l.build()
		}},
		passCase{"align", "views", func(b *ir.Builder, f *ir.Func) {
			x, v, y := f.AddParam(f64(6, 4), "x"), f.AddParam(f64(1, 4), "v"), f.AddParam(f64(6, 1), "y")
			q := b.Reshape(b.Broadcast(f.AddParam(f64(2, 1, 4), "q"), 2, 3, 4), 6, 4)
			t := b.Elem(tape.Tanh, b.Reshape(b.Add(x, q), 2, 3, 4))
			cut := b.Elem(tape.Exp, b.Slice(f.AddParam(f64(9, 4), "cut"), 0, 1, 7))
			f.Results = []*ir.Value{b.Mul(b.Mul(t, b.Reshape(b.Product(y, v, false, false), 2, 3, 4)), b.Reshape(cut, 2, 3, 4))}
		}},
	)
}

func init() {
	passCases = append(passCases,
		passCase{"contract", "einsums", func(b *ir.Builder, f *ir.Func) {
			x, k, q, v := f.AddParam(f64(2, 4, 3), "x"), f.AddParam(f64(2, 4, 3), "k"), f.AddParam(f64(2, 1, 3), "q"),
				f.AddParam(f64(3), "v")
			g := f.AddParam(f64(2, 4, 1), "g")
			f.Results = []*ir.Value{
				b.Reduce(tape.Sum, b.Mul(x, v), 2),
				b.Reduce(tape.Sum, b.Mul(g, x), 0, 1),
				b.Reduce(tape.Sum, b.Mul(q, k), 2),
				b.Reduce(tape.Sum, b.Mul(f.AddParam(f64(4, 1, 3), "j"), f.AddParam(f64(4, 2, 1), "i")), 0),
				b.Reduce(tape.Sum, b.Mul(x, k), 0, 2),    // no product
				b.Reduce(tape.Sum, b.Mul(g, x), 2),       // only x has what is summed over
				b.Reduce(tape.Sum, b.Mul(g, x), 1, 2),    // or a part of it
				b.Reduce(tape.ReduceMax, b.Mul(x, v), 2), // no sum
			}
		}},
		passCase{"rotate", "gated", func(b *ir.Builder, f *ir.Func) {
			z, g0, u := f.AddParam(f64(4, 2, 3), "z"), f.AddParam(f64(2, 3), "g"), f.AddParam(f64(3, 3), "u")
			l := newLoop(b, "", 4)
			zt, g, stacked, multiplied, w := l.seq(z, true), l.carry(g0), l.carry(g0), l.carry(g0), l.constant(u)
			y := b.Mul(g, b.Sub(b.Like(1, zt), zt))
			l.next = []*ir.Value{
				b.Add(b.Mul(g, zt), b.Product(y, w, false, true)),
				b.Add(b.Mul(stacked, zt), b.Product(y, w, false, false)),
				b.Add(zt, b.Product(multiplied, w, false, true)),
			}
			l.stack(l.next[1], true)
			f.Results = l.build()
		}},
	)
}

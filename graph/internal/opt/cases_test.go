package opt

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

var passCases = []passCase{
	{"fold", "elem", func(b *ir.Builder, f *ir.Func) {
		x, y := f.AddParam(f64(2, 3), "x"), f.AddParam(f64(3), "y")
		one, two := b.Like(1, x), b.Like(2, x)
		neg := func(v *ir.Value) *ir.Value { return b.Elem(tape.Neg, v) }
		f.Results = []*ir.Value{
			b.Mul(b.Add(x, b.Like(0, x)), one),
			b.Add(x, neg(neg(neg(b.Broadcast(y, 2, 3))))),
			b.Add(one, b.Elem(tape.Sqrt, two)),
			b.Elem(tape.Pow, x, two),
			b.Elem(tape.Tanh, b.Mul(b.Broadcast(y, 2, 3), two)),
			b.Elem(tape.Where, one, x, neg(x)),
			b.Elem(tape.Id, b.Cast(x, tape.Int32)),
		}
	}},
	{"fold", "view", func(b *ir.Builder, f *ir.Func) {
		x, y := f.AddParam(f64(2, 3), "x"), f.AddParam(f64(2, 2), "y")
		xy := b.Concat(1, x, y)
		f.Results = []*ir.Value{
			b.Reshape(b.Reshape(x, 6), 3, 2),
			b.Transpose(b.Transpose(b.Reshape(x, 1, 2, 3), 1, 0, 2), 2, 1, 0),
			b.Slice(xy, 1, 3, 5),
			b.Slice(xy, 1, 1, 4),
			b.Concat(1, b.Slice(xy, 1, 0, 2), b.Slice(xy, 1, 2, 4)),
			b.Slice(b.New(ir.Pad{Axis: 1, Before: 2, After: 2}, x), 1, 1, 4),
			b.Slice(b.New(ir.Pad{Axis: 1, Before: 2, After: 2}, x), 1, 3, 6),
			b.Slice(b.Broadcast(b.Reshape(x, 1, 2, 3), 4, 2, 3), 0, 1, 3),
			b.Broadcast(b.Broadcast(b.Const(3, 1), 2, 1), 2, 2),
		}
	}},
	{"fold", "pads", func(b *ir.Builder, f *ir.Func) {
		// The derivative of four gates, sliced from one matrix in any order, one of them twice.
		i, j, g, o, z := f.AddParam(f64(2, 3), "i"), f.AddParam(f64(2, 3), "f"), f.AddParam(f64(2, 3), "g"),
			f.AddParam(f64(2, 3), "o"), f.AddParam(f64(2, 12), "z")
		gate := func(k int, x *ir.Value) *ir.Value {
			return b.New(ir.Pad{Axis: 1, Before: 3 * k, After: 9 - 3*k}, x)
		}
		f.Results = []*ir.Value{
			b.Add(b.Add(gate(2, g), gate(0, i)), b.Add(gate(3, o), gate(1, j))),
			b.Add(b.Add(b.Add(z, gate(0, i)), gate(1, j)), gate(1, g)),
			b.Add(gate(0, i), gate(3, o)),
		}
	}},
	{"fold", "product", func(b *ir.Builder, f *ir.Func) {
		x, w := f.AddParam(f64(2, 3), "x"), f.AddParam(f64(4, 3), "w")
		f.Results = []*ir.Value{
			b.Product(x, b.Transpose(w, 1, 0), false, false),
			b.Transpose(b.Product(w, x, false, true), 1, 0),
			b.Product(b.Reshape(b.Concat(0, x, x), 2, 2, 3), b.Broadcast(w, 2, 4, 3), false, true),
		}
	}},
	{"fold", "reduce", func(b *ir.Builder, f *ir.Func) {
		x, y := f.AddParam(f64(2, 3), "x"), f.AddParam(f64(3), "y")
		f.Results = []*ir.Value{
			b.Reduce(tape.Sum, b.Broadcast(y, 2, 3), 0),
			b.Reduce(tape.Sum, b.Broadcast(b.Reshape(x, 2, 1, 3), 5, 2, 4, 3), 0, 1, 2),
			b.Reduce(tape.Sum, b.Reduce(tape.Sum, b.Reshape(x, 1, 2, 3), 0, 2), 0),
			b.Reduce(tape.ReduceMax, b.Transpose(b.Reshape(x, 2, 3, 1), 1, 2, 0), 0),
			b.Reduce(tape.Sum, b.Const(0.5, 4, 3), 0),
		}
	}},
	{"zero", "gradients", func(b *ir.Builder, f *ir.Func) {
		x, w := f.AddParam(f64(4, 2, 3), "x"), f.AddParam(f64(3, 3), "w")
		l := newLoop(b, "back", 4)
		g, u, xt := l.carry(b.Const(0, 2, 3)), l.constant(w), l.seq(x, true)
		l.next = []*ir.Value{b.Product(b.Mul(g, xt), u, false, true)}
		l.stack(b.Add(xt, b.Mul(g, b.Like(3, g))), true)
		f.Results = l.build()
	}},
	{"cse", "loops", func(b *ir.Builder, f *ir.Func) {
		// One recurrence, written twice in one loop, and that loop twice.
		x, h, u := f.AddParam(f64(4, 2, 3), "x"), f.AddParam(f64(2, 3), "h"), f.AddParam(f64(3, 3), "u")
		for range 2 {
			l := newLoop(b, "rnn", 4)
			xt, h1, h2, h3, w := l.seq(x, false), l.carry(h), l.carry(h), l.carry(h), l.constant(u)
			n1 := b.Elem(tape.Tanh, b.Add(xt, b.Product(h1, w, false, false)))
			n2 := b.Elem(tape.Tanh, b.Add(b.Product(h2, w, false, false), xt))
			n3 := b.Elem(tape.Tanh, b.Product(h3, w, false, false))
			l.next = []*ir.Value{n1, n2, n3}
			l.stack(n1, false)
			f.Results = append(f.Results, l.build()...)
		}
	}},
	{"args", "interface", func(b *ir.Builder, f *ir.Func) {
		x, c := f.AddParam(f64(4, 2, 3), "x"), f.AddParam(f64(3), "c")
		l := newLoop(b, "", 4)
		x1, x2, xr := l.seq(x, false), l.seq(x, false), l.seq(x, true)
		zero, same := l.seq(b.Const(0, 4, 2, 3), false), l.seq(b.Broadcast(c, 4, 2, 3), false)
		each := l.seq(b.Broadcast(f.AddParam(f64(4, 1, 1), "each"), 4, 2, 3), false)
		h, k := l.carry(b.Const(0, 2, 3)), l.carry(b.Broadcast(c, 2, 3))
		c1, c2 := l.constant(c), l.constant(b.Broadcast(c, 2, 3))
		n := b.Add(b.Mul(h, each), b.Add(b.Add(x1, x2), b.Add(b.Add(xr, zero), b.Add(same, k))))
		l.next = []*ir.Value{n, k}
		l.stack(n, false)
		l.stack(x2, false)
		l.stack(xr, false)
		l.stack(b.Elem(tape.Exp, c1), false)
		l.stack(b.Mul(n, c2), true)
		l.stack(n, true)
		rs := l.build()
		f.Results = append(rs[1:5], b.Slice(rs[0], 0, 3, 4), b.Slice(rs[0], 0, 0, 1), b.Slice(rs[5], 0, 0, 1), rs[6], rs[7])
	}},
	{"dead", "loop", func(b *ir.Builder, f *ir.Func) {
		x, y := f.AddParam(f64(4, 2), "x"), f.AddParam(f64(4, 2), "y")
		c := f.AddParam(f64(2), "c")
		l := newLoop(b, "", 4)
		xt, yt, ct := l.seq(x, false), l.seq(y, false), l.constant(c)
		h, s, r := l.carry(c), l.carry(c), l.carry(c)
		l.next = []*ir.Value{b.Add(h, r), b.Add(b.Mul(s, yt), ct), b.Add(r, xt)}
		l.stack(s, false)
		l.stack(xt, true)
		f.Results = l.build()[2:3]
	}},
}

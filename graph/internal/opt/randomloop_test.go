package opt

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// loop draws a Loop with sequences in both directions, states, accumulators, constants and stacks, and
// sometimes a loop within.
func (d *drawer) loop(depth int) {
	b, l := d.b, newLoop(d.b, "", d.n(0, 4))
	inner := &drawer{t: d.t, b: b}
	for range d.n(0, 3) {
		x := d.pick()
		inner.scope = append(inner.scope, l.seq(d.fit(x, append([]int{l.trip}, d.shape(0, 2)...)...), d.coin()))
	}
	var states, sums []*ir.Value
	for range d.n(0, 2) {
		states = append(states, l.carry(d.float()))
	}
	for range d.n(0, 2) {
		init := d.float()
		if d.coin() {
			init = b.Like(0, init)
		}
		sums = append(sums, l.carry(init))
	}
	inner.scope = append(inner.scope, states...)
	for range d.n(1, 3) {
		inner.scope = append(inner.scope, l.constant(d.pick()))
	}
	inner.values(d.n(1, 8))
	if d.n(0, 3) == 0 {
		inner.scope = append(inner.scope, sums...) // which are then more than sums
	}
	if depth == 0 && d.n(0, 3) == 0 {
		inner.loop(depth + 1)
		inner.values(d.n(0, 2))
	}
	for _, h := range states {
		n := inner.fit(inner.float(), h.Shape...)
		if d.n(0, 5) > 0 {
			n = b.Elem(tape.Tanh, n)
		}
		if len(h.Shape) > 0 && d.coin() {
			if len(h.Shape) == 2 {
				n = b.Elem(tape.Tanh, b.Add(n, b.Product(inner.fit(inner.float(), h.Shape[0], 2),
					inner.fit(inner.float(), 2, h.Shape[1]), false, false)))
			}
			n = inner.where(l.seq(d.fit(d.float(), l.trip, h.Shape[0]), d.coin()), n, h)
		}
		l.next = append(l.next, n)
	}
	for _, s := range sums {
		l.next = append(l.next, b.Add(s, inner.term(s.Shape)))
	}
	for range d.n(0, 3) {
		l.stack(inner.pick(), d.coin())
	}
	for _, h := range l.next {
		if d.n(0, 3) == 0 {
			l.stack(h, d.coin())
		}
	}
	for _, r := range l.build() {
		if r.Shape.Size() > 0 { // no step, no stack
			d.scope = append(d.scope, r)
		}
	}
}

// term is what a step adds to a sum of the given shape: often what a gradient of a weight looks like.
func (d *drawer) term(s ir.Shape) *ir.Value {
	b := d.b
	var x *ir.Value
	switch k := d.n(1, 3); {
	case len(s) >= 2 && d.coin():
		last := s[len(s)-2:]
		batch := s[:len(s)-2]
		if len(batch) > 1 {
			return d.fit(d.float(), s...)
		}
		matrix := func(n, m int, trans bool) *ir.Value {
			if trans {
				n, m = m, n
			}
			return d.fit(d.float(), append(batch[:len(batch):len(batch)], n, m)...)
		}
		transA, transB := d.n(0, 3) > 0, d.n(0, 3) == 0
		x = b.Product(matrix(last[0], k, transA), matrix(k, last[1], transB), transA, transB)
	case len(s) >= 1 && d.coin():
		x = b.New(ir.ScatterAdd{Rows: s[0]}, d.fit(d.index(s[0]), k), d.fit(d.float(), append([]int{k}, s[1:]...)...))
	case len(s) >= 1 && d.n(0, 3) == 0:
		index := d.fit(d.index(s[0]), k)
		x = b.New(ir.Put{}, d.fit(d.float(), s...), index, d.fit(d.float(), append([]int{k}, s[1:]...)...))
	case d.coin():
		x = b.Reduce(tape.Sum, d.fit(d.float(), s.With(k)...), 0)
	default:
		x = d.fit(d.float(), s...)
	}
	if d.n(0, 2) == 0 {
		x = b.Elem(tape.Neg, x)
	}
	if d.n(0, 2) == 0 {
		x = b.Add(x, d.fit(d.float(), s...))
	}
	return x
}

// twins draws a recurrence in the form in which it arrives with its derivative: a loop forward, a loop that
// stacks the states at the entry of each step, and a loop in the other direction that computes the step again
// from these.
func (d *drawer) twins() {
	b, trip, rev := d.b, d.n(1, 5), d.coin()
	step := &ir.Func{}
	s := &drawer{t: d.t, b: b}
	var xs, hs, cs []*ir.Value
	param := func(arg *ir.Value, shape ir.Shape) {
		s.scope = append(s.scope, step.AddParam(ir.Type{Dtype: arg.Dtype, Shape: shape}, ""))
	}
	for range d.n(1, 2) {
		x := d.fit(d.pick(), append([]int{trip}, d.shape(0, 2)...)...)
		xs = append(xs, x)
		param(x, x.Shape[1:])
	}
	for range d.n(1, 2) {
		h := d.float()
		hs = append(hs, h)
		param(h, h.Shape)
	}
	for range d.n(1, 2) {
		c := d.pick()
		cs = append(cs, c)
		param(c, c.Shape)
	}
	s.values(d.n(2, 8))
	for _, h := range hs {
		step.Results = append(step.Results, b.Elem(tape.Tanh, s.fit(s.float(), h.Shape...)))
	}
	all := s.scope[len(step.Params):] // what a derivative may want to know of the step
	step.Results = append(step.Results, all...)
	if b.Err() != nil {
		return
	}

	forward := func(label string) (*loopSpec, []*ir.Value, []*ir.Value) {
		l := newLoop(b, label, trip)
		var params, entries []*ir.Value
		for _, x := range xs {
			params = append(params, l.seq(x, rev))
		}
		for _, h := range hs {
			entries = append(entries, l.carry(h))
		}
		params = append(params, entries...)
		for _, c := range cs {
			params = append(params, l.constant(c))
		}
		rs := step.Apply(params...)
		l.next = rs[:len(hs)]
		return l, rs, entries
	}
	f, rs, _ := forward("forward")
	for _, r := range rs {
		if d.coin() {
			f.stack(r, rev)
		}
	}
	outs := f.build()
	entry, _, entries := forward("entries")
	for _, h := range entries {
		entry.stack(h, rev)
	}
	stacked := entry.build()

	back := newLoop(b, "back", trip)
	back.back = true
	in := &drawer{t: d.t, b: b}
	var params []*ir.Value
	for _, x := range xs {
		params = append(params, back.seq(x, !rev))
	}
	for i := range hs {
		params = append(params, back.seq(stacked[i], !rev))
	}
	for _, g := range outs {
		if len(g.Shape) > 0 && g.Shape[0] == trip && d.coin() {
			in.scope = append(in.scope, back.seq(g, !rev))
		}
	}
	var grads, sums []*ir.Value
	for _, h := range hs {
		g := back.carry(b.Mul(h, h))
		grads = append(grads, g)
	}
	for _, c := range cs {
		if c.Dtype != tape.Int32 {
			sums = append(sums, back.carry(b.Like(0, c)))
		}
	}
	for _, c := range cs {
		params = append(params, back.constant(c))
	}
	in.scope = append(append(append(in.scope, params...), grads...), step.Apply(params...)...)
	in.values(d.n(1, 6))
	for _, g := range grads {
		back.next = append(back.next, b.Elem(tape.Tanh, in.fit(in.float(), g.Shape...)))
	}
	for _, s := range sums {
		back.next = append(back.next, b.Add(s, in.term(s.Shape)))
	}
	for range d.n(0, 2) {
		back.stack(in.float(), !rev)
	}
	d.scope = append(append(append(d.scope, outs...), stacked...), back.build()...)
}

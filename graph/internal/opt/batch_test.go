package opt

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// TestBatch draws values of a loop's body and checks that each of them, computed for all steps at once, is what
// the loop stacks.
func TestBatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &ir.Func{}
		b := &ir.Builder{Float: tape.Float64}
		inner := &drawer{t: t, b: b}
		l := newLoop(b, "", inner.n(1, 3))
		for range inner.n(1, 3) {
			inner.scope = append(inner.scope, l.seq(f.AddParam(f64(append([]int{l.trip}, inner.shape(0, 3)...)...), ""), false))
		}
		for range inner.n(0, 2) {
			inner.scope = append(inner.scope, l.constant(f.AddParam(f64(inner.shape(0, 3)...), "")))
		}
		inner.values(inner.n(1, 6))
		for _, v := range inner.scope {
			l.stack(v, false)
		}
		f.Results = l.build()
		if err := b.Err(); err != nil {
			t.Fatalf("drawing: %v", err)
		}
		p := takeApart(f.Results[0].Args[0])
		movable, out := p.movable(p.classes()), p.before(b)
		g := &ir.Func{Params: f.Params}
		for i, s := range p.stacks {
			if movable[s.value] {
				g.Results = append(g.Results, out.all(s.value))
			} else {
				g.Results = append(g.Results, f.Results[i])
			}
		}
		if err := b.Err(); err != nil {
			t.Fatalf("%v\n%v", err, f)
		}
		sameNumbers(t, f, g)
	})
}

// TestBatchedProducts checks products for all steps at once, and their sums, for all layouts of the factors.
func TestBatchedProducts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &drawer{t: t}
		trip, m, k, n := d.n(1, 3), d.n(1, 3), d.n(1, 3), d.n(1, 3)
		op := ir.Product{TransA: d.coin(), TransB: d.coin()}
		stored := func(rows, columns int, trans bool) ir.Shape {
			if trans {
				return ir.Shape{columns, rows}
			}
			return ir.Shape{rows, columns}
		}
		shapes := []ir.Shape{stored(m, k, op.TransA), stored(k, n, op.TransB)}
		if d.coin() {
			batch := d.n(1, 3)
			shapes[0], shapes[1] = shapes[0].With(batch), shapes[1].With(batch)
		}
		over := [][]bool{{true, true}, {true, false}, {false, true}}[d.n(0, 2)]
		f := &ir.Func{}
		b := &ir.Builder{Float: tape.Float64}
		l := newLoop(b, "", trip)
		var args, params []*ir.Value
		for i, s := range shapes {
			if over[i] {
				args = append(args, f.AddParam(f64(s.With(trip)...), ""))
				params = append(params, l.seq(args[i], false))
			} else {
				args = append(args, f.AddParam(f64(s...), ""))
				params = append(params, l.constant(args[i]))
			}
		}
		z := b.New(op, params...)
		l.next = []*ir.Value{b.Add(l.carry(b.Like(0, z)), z)}
		l.stack(z, false)
		f.Results = l.build()
		all := batch{folder{b}, trip}
		g := &ir.Func{Params: f.Params, Results: []*ir.Value{all.apply(op, args, over), f.Results[1]}}
		if over[0] && over[1] {
			g.Results[1] = all.sumOfProducts(op, args[0], args[1])
		}
		if err := b.Err(); err != nil {
			t.Fatal(err)
		}
		sameNumbers(t, f, g)
	})
}

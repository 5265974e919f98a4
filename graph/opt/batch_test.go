package opt

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/unroll-ml/unroll/graph/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// TestBatch draws values of a loop's body and checks that each of them, computed for all steps at once, is what the loop stacks.
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

// TestSumOfProducts checks sums of products over the steps for all layouts of the factors.
func TestSumOfProducts(t *testing.T) {
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
		x, y := stored(m, k, op.TransA), stored(k, n, op.TransB)
		if d.coin() {
			batch := d.n(1, 3)
			x, y = x.With(batch), y.With(batch)
		}
		f := &ir.Func{}
		b := &ir.Builder{Float: tape.Float64}
		xs, ys := f.AddParam(f64(x.With(trip)...), "x"), f.AddParam(f64(y.With(trip)...), "y")
		l := newLoop(b, "", trip)
		z := b.New(op, l.seq(xs, false), l.seq(ys, false))
		l.next = []*ir.Value{b.Add(l.carry(b.Like(0, z)), z)}
		f.Results = l.build()
		g := &ir.Func{Params: f.Params, Results: []*ir.Value{batch{folder{b}, trip}.sumOfProducts(op, xs, ys)}}
		if err := b.Err(); err != nil {
			t.Fatal(err)
		}
		sameNumbers(t, f, g)
	})
}

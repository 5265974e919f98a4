package opt

import (
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

func init() {
	passCases = append(passCases,
		passCase{"need", "layers", func(b *ir.Builder, f *ir.Func) {
			// Two layers of a recurrence that read sequences of different lengths, the second from behind.
			h, mask := f.AddParam(f64(4, 2, 3), "x"), f.AddParam(f64(4, 2, 1), "mask")
			var last *ir.Value
			for layer := range 2 {
				reversed := layer == 1
				w, u := f.AddParam(f64(3, 3), "w"), f.AddParam(f64(3, 3), "u")
				xs := b.Reshape(b.Product(b.Reshape(h, 8, 3), w, false, false), 4, 2, 3)
				l := newLoop(b, "layer", 4)
				x, m := l.seq(xs, reversed), l.seq(mask, reversed)
				state, weights := l.carry(b.Const(0, 2, 3)), l.constant(u)
				next := b.Elem(tape.Tanh, b.Add(x, b.Product(state, weights, false, false)))
				l.next = []*ir.Value{b.Elem(tape.Where, m, next, state)}
				l.stack(l.next[0], reversed)
				rs := l.build()
				h, last = rs[0], rs[1]
			}
			f.Results = []*ir.Value{last}
		}},
		passCase{"need", "rows", func(b *ir.Builder, f *ir.Func) {
			// A row goes through products, normalisation and a gate by itself.
			x, w, v := f.AddParam(f64(2, 3), "x"), f.AddParam(f64(3, 4), "w"), f.AddParam(f64(4, 4), "v")
			mask, other := f.AddParam(i32(2), "mask"), f.AddParam(f64(2, 4), "other")
			z := b.Product(x, w, false, false)
			norm := b.Sub(z, b.Reshape(b.Reduce(tape.Sum, z, 1), 2, 1))
			y := b.New(ir.Rows{Kind: tape.Softmax}, b.Product(b.Mul(norm, other), v, false, false))
			f.Results = []*ir.Value{b.Elem(tape.Where, b.Reshape(mask, 2, 1), b.Concat(1, y, b.Slice(z, 1, 1, 3)),
				b.Concat(1, other, b.Const(1, 2, 2)))}
		}},
	)
}

// Products of which all rows are used, and those that their own mask depends on, stay as they are.
func TestNeedRefuses(t *testing.T) {
	for name, result := range map[string]func(b *ir.Builder, z, mask, other *ir.Value) *ir.Value{
		"otherwise": func(b *ir.Builder, z, mask, other *ir.Value) *ir.Value {
			return b.Elem(tape.Where, mask, other, z)
		},
		"twice": func(b *ir.Builder, z, mask, other *ir.Value) *ir.Value {
			return b.Elem(tape.Where, mask, b.Elem(tape.Tanh, z), b.Mul(z, other))
		},
		"two masks": func(b *ir.Builder, z, mask, other *ir.Value) *ir.Value {
			second := b.Reshape(b.Slice(other, 1, 0, 1), 3, 1)
			return b.Add(b.Elem(tape.Where, mask, z, other), b.Elem(tape.Where, second, z, other))
		},
		"multiplied": func(b *ir.Builder, z, mask, other *ir.Value) *ir.Value {
			return b.Mul(z, b.Broadcast(mask, 3, 3))
		},
		"over rows": func(b *ir.Builder, z, mask, other *ir.Value) *ir.Value {
			return b.Elem(tape.Where, mask, b.Broadcast(b.Reduce(tape.Sum, z, 0), 3, 3), other)
		},
		"transposed": func(b *ir.Builder, z, mask, other *ir.Value) *ir.Value {
			return b.Elem(tape.Where, mask, b.Transpose(z, 1, 0), other)
		},
		"over rows, as rows": func(b *ir.Builder, z, mask, other *ir.Value) *ir.Value {
			return b.Elem(tape.Where, mask, b.Reshape(b.Reduce(tape.Sum, z, 0), 3, 1), other)
		},
		"an operand transposed": func(b *ir.Builder, z, mask, other *ir.Value) *ir.Value {
			return b.Elem(tape.Where, mask, b.Product(z, other, true, false), other)
		},
		"all in a row of a concatenation": func(b *ir.Builder, z, mask, other *ir.Value) *ir.Value {
			return b.Elem(tape.Where, mask, b.Concat(0, b.Reshape(z, 1, 9), b.Const(0, 2, 9)), b.Const(1, 3, 9))
		},
		"all in a row between zeros": func(b *ir.Builder, z, mask, other *ir.Value) *ir.Value {
			return b.Elem(tape.Where, mask, b.New(ir.Pad{Axis: 0, Before: 1, After: 1}, b.Reshape(z, 1, 9)), b.Const(1, 3, 9))
		},
		"one in several rows": func(b *ir.Builder, z, mask, other *ir.Value) *ir.Value {
			return b.Elem(tape.Where, mask, b.Slice(b.Reshape(z, 9, 1), 0, 0, 3), other)
		},
		"repeated for rows": func(b *ir.Builder, z, mask, other *ir.Value) *ir.Value {
			return b.Elem(tape.Where, mask, b.Broadcast(b.Reshape(z, 9), 3, 9), b.Const(1, 3, 9))
		},
		"on the right": func(b *ir.Builder, z, mask, other *ir.Value) *ir.Value {
			return b.Elem(tape.Where, mask, b.Product(other, z, false, false), other)
		},
		"by columns": func(b *ir.Builder, z, mask, other *ir.Value) *ir.Value {
			return b.Elem(tape.Where, b.Reshape(mask, 3), z, other)
		},
		"by elements": func(b *ir.Builder, z, mask, other *ir.Value) *ir.Value {
			return b.Elem(tape.Where, b.Elem(tape.Lt, other, b.Like(0, other)), z, other)
		},
		"by itself": func(b *ir.Builder, z, mask, other *ir.Value) *ir.Value {
			halts := b.Elem(tape.Lt, b.Slice(z, 1, 0, 1), b.Const(0, 3, 1))
			return b.Elem(tape.Where, halts, z, other)
		},
		"rows of a table": func(b *ir.Builder, z, mask, other *ir.Value) *ir.Value {
			return b.Elem(tape.Where, mask, b.New(ir.Gather{}, z, b.Cast(b.Reshape(mask, 3), tape.Int32)), other)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := build(t, func(b *ir.Builder, f *ir.Func) {
				x, w := f.AddParam(f64(3, 3), "x"), f.AddParam(f64(3, 3), "w")
				mask, other := f.AddParam(f64(3, 1), "mask"), f.AddParam(f64(3, 3), "other")
				f.Results = []*ir.Value{result(b, b.Product(x, w, false, false), b.Elem(tape.Ceil, mask), other)}
			})
			g, err := need(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range g.Values() {
				if p, ok := v.Op.(ir.Product); ok && p.Need && v.Args[1] == f.Params[1] {
					t.Errorf("the pass found rows to leave out:\n%v", g)
				}
			}
		})
	}
}

// Masks of two products each of which depends on the other product would make a circle.
func TestNeedCircle(t *testing.T) {
	f := build(t, func(b *ir.Builder, f *ir.Func) {
		x, w, other := f.AddParam(f64(3, 3), "x"), f.AddParam(f64(3, 3), "w"), f.AddParam(f64(3, 3), "other")
		p, q := b.Product(x, w, false, false), b.Product(w, x, false, false)
		first := func(z *ir.Value) *ir.Value { return b.Elem(tape.Lt, b.Slice(z, 1, 0, 1), b.Const(0, 3, 1)) }
		f.Results = []*ir.Value{b.Elem(tape.Where, first(q), p, other), b.Elem(tape.Where, first(p), q, other)}
	})
	g, err := need(f)
	if err != nil {
		t.Fatal(err)
	}
	sameNumbers(t, f, g)
}

// A sequence that runs against the mask, or whose stack does, is used whole.
func TestNeedDirections(t *testing.T) {
	for i := range 8 {
		rev := [3]bool{i&1 != 0, i&2 != 0, i&4 != 0} // the sequence, the mask, the stack
		f := build(t, func(b *ir.Builder, f *ir.Func) {
			x, w, mask := f.AddParam(f64(8, 3), "x"), f.AddParam(f64(3, 3), "w"), f.AddParam(f64(4, 2, 1), "mask")
			l := newLoop(b, "", 4)
			xt, mt := l.seq(b.Reshape(b.Product(x, w, false, false), 4, 2, 3), rev[0]), l.seq(mask, rev[1])
			h, c := l.carry(f.AddParam(f64(2, 3), "h")), l.constant(w)
			l.next = []*ir.Value{b.Elem(tape.Where, mt, xt, h)}
			l.stack(b.Product(h, c, false, false), rev[2])
			f.Results = []*ir.Value{b.Elem(tape.Where, mask, l.build()[0], f.AddParam(f64(4, 2, 3), "other"))}
		})
		g, err := need(f)
		if err != nil {
			t.Fatal(err)
		}
		sameNumbers(t, f, g)
		var before, within bool
		needs := func(v *ir.Value) bool { p, ok := v.Op.(ir.Product); return ok && p.Need }
		for _, v := range g.Values() {
			if l, ok := v.Op.(*ir.Loop); ok {
				within = slices.ContainsFunc(l.Body.Values(), needs)
			}
			before = before || needs(v)
		}
		if before != (rev[0] == rev[1]) || within != (rev[2] == rev[1]) {
			t.Errorf("%v: the product before the loop has a mask: %v, that in it: %v", rev, before, within)
		}
	}
}

package plan

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// artist draws programs: all kinds of values over small shapes, mostly views and loops, which are what plans
// are made of.
type artist struct {
	t *rapid.T
	b *ir.Builder
}

func (a *artist) upTo(n int) int                { return rapid.IntRange(0, n-1).Draw(a.t, "choice") }
func (a *artist) coin() bool                    { return a.upTo(2) == 0 }
func (a *artist) pick(vs []*ir.Value) *ir.Value { return vs[a.upTo(len(vs))] }

func (a *artist) shape() ir.Shape {
	s := ir.Shape{}
	for range a.upTo(4) {
		s = append(s, 1+a.upTo(3))
	}
	return s
}

// grow adds n values to the pool.
func (a *artist) grow(pool []*ir.Value, n, depth int) []*ir.Value {
	for range n {
		pool = append(pool, a.value(pool, depth)...)
	}
	return pool
}

func (a *artist) value(pool []*ir.Value, depth int) []*ir.Value {
	b, x := a.b, a.pick(pool)
	one := func(v *ir.Value) []*ir.Value { return []*ir.Value{v} }
	rank := len(x.Shape)
	switch a.upTo(14) {
	case 0:
		return one(b.Elem(tape.Tanh, x))
	case 1: // with itself, or another of its shape
		same := slices.DeleteFunc(slices.Clone(pool), func(v *ir.Value) bool { return !v.Shape.Equal(x.Shape) })
		return one(b.Elem(tape.Sin, b.Sub(x, b.Mul(a.pick(same), a.pick(same)))))
	case 2:
		return one(b.Const(float64(a.upTo(3))-0.5, a.shape()...))
	case 3:
		return one(b.Broadcast(x, x.Shape.With(1+a.upTo(3))...))
	case 4:
		perm := rapid.Permutation(indices(rank)).Draw(a.t, "permutation")
		return one(b.Transpose(x, perm...))
	case 5:
		if rank == 0 {
			return one(b.Reshape(x, 1, 1))
		}
		axis := a.upTo(rank)
		from := a.upTo(x.Shape[axis])
		return one(b.Slice(x, axis, from, from+1+a.upTo(x.Shape[axis]-from)))
	case 6:
		if a.coin() {
			return one(b.Reshape(x, x.Shape.Size()))
		}
		return one(b.Reshape(x, append(ir.Shape{1}, x.Shape...)...))
	case 7:
		if rank == 0 {
			return nil
		}
		axis := a.upTo(rank)
		parts := slices.DeleteFunc(slices.Clone(pool), func(v *ir.Value) bool { return !fits(v.Shape, x.Shape, axis) })
		vs := []*ir.Value{x}
		for range 1 + a.upTo(2) {
			vs = append(vs, a.pick(parts))
		}
		return one(b.Concat(axis, vs...))
	case 8:
		if rank == 0 {
			return nil
		}
		return one(b.New(ir.Pad{Axis: a.upTo(rank), Before: a.upTo(2), After: a.upTo(3)}, x))
	case 9:
		if rank == 2 || rank == 3 {
			first := a.coin()
			z := b.Product(x, x, first, !first)
			rows := z.Shape[:rank-1]
			masks := slices.DeleteFunc(slices.Clone(pool), func(v *ir.Value) bool { return !v.Shape.Equal(rows) })
			if len(masks) == 0 {
				return one(z)
			}
			need := a.pick(masks)
			z = b.New(ir.Product{TransA: first, TransB: !first, Need: true}, x, x, need)
			each := b.Reshape(need, append(slices.Clone(rows), 1)...)
			return one(b.Elem(tape.Where, each, z, b.Like(0, z)))
		}
		return nil
	case 10:
		var axes []int
		for i := range rank {
			if a.coin() {
				axes = append(axes, i)
			}
		}
		return one(b.Reduce(tape.ReduceFn(a.upTo(2)), x, axes...))
	case 11:
		if rank == 0 {
			return nil
		}
		return one(b.New(ir.Rows{Kind: tape.Softmax}, x))
	default:
		if depth == 0 || rank == 0 {
			return nil
		}
		return a.loop(pool, x, depth)
	}
}

// loop draws a loop over x and what has the same length; carries swap, stay, and are stacked in either direction.
func (a *artist) loop(pool []*ir.Value, x *ir.Value, depth int) []*ir.Value {
	b := a.b
	l := &ir.Loop{Trip: x.Shape[0], Body: &ir.Func{}}
	args := []*ir.Value{}
	param := func(arg *ir.Value, t ir.Type) { args = append(args, arg); l.Body.AddParam(t, "") }
	seqs := slices.DeleteFunc(slices.Clone(pool),
		func(v *ir.Value) bool { return len(v.Shape) == 0 || v.Shape[0] != l.Trip })
	for range 1 + a.upTo(2) {
		s := a.pick(seqs)
		l.Seqs = append(l.Seqs, a.coin())
		param(s, ir.Type{Dtype: s.Dtype, Shape: s.Shape[1:]})
	}
	first := a.pick(pool)
	like := slices.DeleteFunc(slices.Clone(pool), func(v *ir.Value) bool { return !v.Shape.Equal(first.Shape) })
	for range 1 + a.upTo(3) {
		l.Carries++
		c := a.pick(like)
		param(c, c.Type)
	}
	for range a.upTo(3) {
		c := a.pick(pool)
		param(c, c.Type)
	}
	inner := a.grow(slices.Clone(l.Body.Params), 2+a.upTo(5), depth-1)
	next := slices.DeleteFunc(slices.Clone(inner), func(v *ir.Value) bool { return !v.Shape.Equal(first.Shape) })
	for range l.Carries {
		v := a.pick(next)
		if a.coin() { // keep numbers small, and make most carries change
			v = b.Elem(tape.Tanh, b.Add(v, a.pick(next)))
			next = append(next, v)
		}
		l.Body.Results = append(l.Body.Results, v)
	}
	for range a.upTo(4) {
		l.Stacks = append(l.Stacks, a.coin())
		v := a.pick(inner)
		if a.coin() {
			v = a.pick(append(slices.Clone(l.Body.Results[:l.Carries]), l.Body.Params[len(l.Seqs):len(l.Seqs)+l.Carries]...))
		}
		l.Body.Results = append(l.Body.Results, v)
	}
	loop := b.New(l, args...)
	var results []*ir.Value
	for i := range loop.Parts {
		results = append(results, b.Proj(loop, i))
	}
	return results
}

func indices(n int) []int {
	is := make([]int, n)
	for i := range is {
		is[i] = i
	}
	return is
}

// fits reports whether s can be joined with like along axis.
func fits(s, like ir.Shape, axis int) bool {
	if len(s) != len(like) {
		return false
	}
	for i := range s {
		if i != axis && s[i] != like[i] {
			return false
		}
	}
	return true
}

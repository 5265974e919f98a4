package opt

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// weightgrad takes sums over the steps out of loops: what a carry only adds up is added up behind the loop,
// from stacks of what the terms are computed from.
//
//	s' = s + x_tᵀ·z_t            ->   s + xᵀ·z    one product over all TB rows, not T products over B
//	s' = s + Σ_B z_t             ->   s + Σ_TB z
//	s' = s + scatteradd(i_t, z_t)  ->   s + scatteradd(i, z)
//
// and so for what is linear in these: views, sums, negations, concatenations, multiples. Of a product with a
// constant matrix only the other factor is added up, by a carry of its own if need be:
//
//	s' = s + z_t·W               ->   s + r·W     with r' = r + z_t
//
// If x and y have K terms for each of N rows, and are too much to be kept, a step keeps the product of each row:
//
//	s' = s + Σ_n x_tnᵀ·z_tn      ->   s + Σ_tn (xᵀ·z)_tn
//
// A term moves if the stacks that this needs and that are not there anyway are no more than the loop writes for it:
// twice the sum itself, and the start of an instruction. So the gradient of a weight moves.
//
// In the textbooks this is loop fission of a reduction, followed by batching: Σ_t x_tᵀ·z_t of T small products is
// one product with a T times longer inner dimension, which is what the derivative of h·U over time comes to when
// experts write it by hand.
func weightgrad(f *ir.Func) (*ir.Func, error) {
	b := builderFor(f)
	edits := map[*ir.Value]*parts{}
	for _, v := range f.Values() {
		if l, ok := v.Op.(*ir.Loop); ok && l.Trip > 0 {
			if p := takeApart(v); p.weightgrad(b) {
				edits[v] = p
			}
		}
	}
	return rewriteLoops(f, b, edits)
}

func (p *parts) weightgrad(b *ir.Builder) bool {
	sums := p.sums()
	if len(sums) == 0 {
		return false
	}
	moved := chooseWays(sums, p.waysToSum(b, sums))
	p.rebuildSums(folder{b}, sums, moved)
	return len(p.instead) > 0
}

// way is how a term can be added up behind the loop, from stacks in one order of the steps.
type way struct {
	recipe
	*after
}

// waysToSum are the ways of each term. Both orders are tried: a loop of a derivative runs backward, and reads what
// the forward loop has stacked in the other order; a stack must not be turned round, which would copy it.
func (p *parts) waysToSum(b *ir.Builder, sums []sum) map[*ir.Value][]way {
	needed := p.needed(sums) // what the loop computes even if all sums leave it: its stacks are the cheapest
	ways := map[*ir.Value][]way{}
	for _, a := range []*after{p.after(b, needed, p.direction()), p.after(b, needed, !p.direction())} {
		for _, s := range sums {
			for _, t := range s.terms {
				if r, ok := a.sumOver(t.value); ok {
					ways[t.value] = append(ways[t.value], way{r, a})
				}
			}
		}
	}
	return ways
}

// chooseWays takes for each term the cheapest way that gains more than it costs, if there is one. It is a greedy
// choice: a stack that one term has paid for is free for the next, so that terms are tried again until none moves.
func chooseWays(sums []sum, ways map[*ir.Value][]way) map[*ir.Value]*way {
	moved := map[*ir.Value]*way{}
	for again := true; again; {
		again = false
		for _, s := range sums {
			for _, t := range s.terms {
				if moved[t.value] != nil {
					continue
				}
				if best := cheapest(ways[t.value]); best != nil {
					for _, x := range best.from {
						best.want(x)
					}
					moved[t.value], again = best, true
				}
			}
		}
	}
	return moved
}

// cheapest is the way whose stacks cost least, nil if none costs less than it gains.
func cheapest(ways []way) *way {
	var best *way
	least := never
	for i, w := range ways {
		cost := 0.0
		for _, x := range w.from {
			cost += w.cost(x)
		}
		if cost <= w.gain && cost < least {
			best, least = &ways[i], cost
		}
	}
	return best
}

// rebuildSums lets carries go on with the terms that stay, drops those that none is left of, and puts behind the
// loop, in the place of the carry's last value, that value plus the sums that moved.
func (p *parts) rebuildSums(c folder, sums []sum, moved map[*ir.Value]*way) {
	gone := map[int]bool{}
	carries := p.carries
	for _, s := range sums {
		k := &carries[s.carry]
		var leave, stay []term
		for _, t := range s.terms {
			if moved[t.value] != nil {
				leave = append(leave, t)
			} else {
				stay = append(stay, t)
			}
		}
		if len(leave) == 0 {
			continue
		}
		total := k.init
		out := k.out
		if gone[s.carry] = len(stay) == 0; !gone[s.carry] {
			k.next = k.param
			for _, t := range stay {
				k.next = c.accumulate(k.next, t.value, t.negative)
			}
			// The old result stands for the whole sum; what the carry comes to without the terms that left is a new
			// one.
			k.out = p.results
			p.results++
			total = p.final(*k)
		}
		for _, t := range leave {
			total = c.accumulate(total, moved[t.value].build(), t.negative)
		}
		p.instead[out] = total
	}
	var left []carry
	for i, c := range carries {
		if !gone[i] {
			left = append(left, c)
		}
	}
	p.carries = append(left, p.carries[len(carries):]...) // and those that carried has added
}

// carried is Σ_t v_t, added up in the loop; in the shape that v is computed in, where fuse can join the two.
func (a *after) carried(v *ir.Value) recipe {
	if view, ok := v.Op.(ir.Reshape); ok {
		r := a.carried(v.Args[0])
		sum := r.build
		r.build = func() *ir.Value { return a.make(view, sum()) }
		return r
	}
	return recipe{nil, start, func() *ir.Value {
		for _, c := range a.p.carries {
			if c.next.Op == (ir.Elem{Fn: tape.Add, To: v.Dtype}) && c.next.Args[0] == c.param && c.next.Args[1] == v &&
				c.init.IsConst(0) {
				return a.p.final(c)
			}
		}
		param := ir.NewParam(-1, v.Type, "")
		c := carry{param, constOf(0, v.Type), a.accumulate(param, v, false), a.p.results}
		a.p.results++
		a.p.carries = append(a.p.carries, c)
		return a.p.final(c)
	}}
}

func (c folder) accumulate(sum, x *ir.Value, negative bool) *ir.Value {
	if negative {
		return c.make(ir.Elem{Fn: tape.Sub, To: sum.Dtype}, sum, x)
	}
	return c.make(ir.Elem{Fn: tape.Add, To: sum.Dtype}, sum, x)
}

// recipe is a way to compute the sum of a value over all steps.
type recipe struct {
	from  []*ir.Value // what must be there for all steps
	gain  float64     // what it saves in every step, in elements
	build func() *ir.Value
}

// sumOver is the recipe for Σ_t v_t, if there is a good one.
func (a *after) sumOver(v *ir.Value) (recipe, bool) {
	if a.classes[v] == steady {
		return a.times(v)
	}
	size := float64(v.Shape.Size())
	switch op := v.Op.(type) {
	case ir.Reshape, ir.Transpose, ir.Slice, ir.Pad, ir.Concat, ir.Broadcast:
		return a.linear(v.Op, v.Args)
	case ir.Elem:
		if v.Dtype == tape.Int32 {
			break
		}
		switch op.Fn {
		case tape.Neg, tape.Add, tape.Sub:
			return a.linear(op, v.Args)
		case tape.Mul:
			for i, c := range v.Args {
				if a.classes[c] == steady {
					return a.scaled(op, v.Args[1-i], c)
				}
			}
		case tape.Div:
			if a.classes[v.Args[1]] == steady {
				return a.scaled(op, v.Args[0], v.Args[1])
			}
		}
	case ir.Product:
		return a.sumOfProduct(op, v.Args[0], v.Args[1], size)
	case ir.Reduce:
		if op.Fn == tape.Sum {
			x, axes := a.partialSum(v)
			axes = append([]int{0}, shifted(axes)...)
			return recipe{[]*ir.Value{x}, size + start, func() *ir.Value {
				return a.make(ir.Reduce{Fn: tape.Sum, Axes: axes}, a.all(x))
			}}, true
		}
	case ir.ScatterAdd:
		return recipe{v.Args, 2*size + start, func() *ir.Value {
			return a.make(op, a.all(v.Args[0]), a.all(v.Args[1]))
		}}, true
	}
	if a.hold(v) > 0 {
		return recipe{}, false
	}
	return recipe{[]*ir.Value{v}, size, func() *ir.Value {
		return a.make(ir.Reduce{Fn: tape.Sum, Axes: []int{0}}, a.all(v))
	}}, true
}

// times is T times a value that is the same at every step.
func (a *after) times(v *ir.Value) (recipe, bool) {
	return recipe{nil, 0, func() *ir.Value {
		w, _ := a.value(v)
		return a.make(ir.Elem{Fn: tape.Mul, To: w.Dtype}, w, constOf(float64(a.trip), w.Type))
	}}, v.Dtype != tape.Int32 && a.batchable(v)
}

// linear is Σ_t f(x_t, y_t) = f(Σ_t x_t, Σ_t y_t).
func (a *after) linear(op ir.Op, args []*ir.Value) (recipe, bool) {
	var all recipe
	var parts []recipe
	for _, x := range args {
		r, ok := a.sumOver(x)
		if !ok || x.Dtype == tape.Int32 {
			return recipe{}, false
		}
		all.from = append(all.from, r.from...)
		all.gain += r.gain
		parts = append(parts, r)
	}
	all.build = func() *ir.Value {
		sums := make([]*ir.Value, len(parts))
		for i, r := range parts {
			sums[i] = r.build()
		}
		return a.make(op, sums...)
	}
	return all, true
}

// scaled is Σ_t x_t*c = (Σ_t x_t)*c, or the same with a division.
func (a *after) scaled(op ir.Elem, x, c *ir.Value) (recipe, bool) {
	r, ok := a.sumOver(x)
	if !ok || x.Dtype == tape.Int32 || !a.batchable(c) {
		return recipe{}, false
	}
	sum := r.build
	r.build = func() *ir.Value {
		w, _ := a.value(c)
		return a.make(op, sum(), w)
	}
	return r, true
}

// sumOfProduct is Σ_t x_t·y_t.
func (a *after) sumOfProduct(op ir.Product, x, y *ir.Value, size float64) (recipe, bool) {
	steadyX, steadyY := a.classes[x] == steady, a.classes[y] == steady
	if steadyX || steadyY {
		over, fixed := x, y
		if steadyX {
			over, fixed = y, x
		}
		if !a.batchable(fixed) {
			return recipe{}, false
		}
		r, ok := a.sumOver(over)
		if !ok {
			r = a.carried(over)
		}
		sum := r.build
		r.build = func() *ir.Value {
			w, _ := a.value(fixed)
			if steadyX {
				return a.make(op, w, sum())
			}
			return a.make(op, sum(), w)
		}
		return r, true
	}
	whole := recipe{[]*ir.Value{x, y}, 2*size + start, func() *ir.Value {
		return a.sumOfProducts(op, a.all(x), a.all(y))
	}}
	if a.cost(x)+a.cost(y) > whole.gain {
		if r, ok := a.rowByRow(op, x, y); ok {
			return r, true
		}
	}
	return whole, true
}

// partialSum is what v, a sum over some dimensions, is best added up from, and the dimensions of that: its
// argument, or what the body has added up of it anyhow.
func (a *after) partialSum(v *ir.Value) (x *ir.Value, axes []int) {
	x, axes = v.Args[0], v.Op.(ir.Reduce).Axes
	all := axes
	for _, u := range a.p.op.Body.Values() {
		op, ok := u.Op.(ir.Reduce)
		if !ok || u == v || op.Fn != tape.Sum || u.Args[0] != v.Args[0] || a.cost(u) >= a.cost(x) {
			continue
		}
		left := slices.DeleteFunc(slices.Clone(all), func(d int) bool { return slices.Contains(op.Axes, d) })
		if len(left)+len(op.Axes) > len(all) {
			continue // it sums over what v does not
		}
		x, axes = u, nil
		for i, d := range without(indices(len(v.Args[0].Shape)), op.Axes) {
			if slices.Contains(left, d) {
				axes = append(axes, i)
			}
		}
	}
	return x, axes
}

// rowByRow is Σ_t x_tᵀ·y_t of what has K terms for each of N rows, such as the words that a sequence of a batch
// looks at: a step multiplies for each row alone, and behind the loop these products are added up. They must be
// few beside what a step reads for them.
func (a *after) rowByRow(op ir.Product, x, y *ir.Value) (recipe, bool) {
	n := max(rowsOf(x), rowsOf(y))
	if !op.TransA || op.TransB || n < 2 {
		return recipe{}, false
	}
	byRow := func(v *ir.Value) *ir.Value {
		return a.make(ir.Reshape{Shape: ir.Shape{n, v.Shape[0] / n, v.Shape[1]}}, v)
	}
	part := a.make(op, byRow(x), byRow(y)) // N×M×P
	a.classes[part] = a.classes[x] | a.classes[y]
	gain := float64(x.Shape.Size()+y.Shape.Size())/8 + start
	return recipe{[]*ir.Value{part}, gain, func() *ir.Value {
		return a.make(ir.Reduce{Fn: tape.Sum, Axes: []int{0, 1}}, a.all(part))
	}}, a.cost(part) <= gain
}

// rowsOf is N of a matrix that is N rows of K terms each, reshaped from N×K×M; 1 of any other.
func rowsOf(v *ir.Value) int {
	if _, ok := v.Op.(ir.Reshape); ok {
		if s := v.Args[0].Shape; len(s) == 3 && s[2] == v.Shape[1] && s[0] > 0 {
			return s[0]
		}
	}
	return 1
}

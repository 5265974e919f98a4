package opt

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// join makes one product of products, in loops, that share their first factor or are added up, and whose second
// factors do not change: fewer and larger instructions in every step.
//
//	h·U, h·V           =  slices of h·[U V]
//	x·U + y·V          =  [x y]·[U; V]            if x and y are computed by elementwise functions
//
// [U V] is put together once, before the loop. [x y] costs nothing where its parts are written there in the
// first place; a copy would cost more than a product saves. Products of matrices only, not of batches.
func join(f *ir.Func) (*ir.Func, error) {
	b := builderFor(f)
	edits := map[*ir.Value]*parts{}
	for _, v := range f.Values() {
		if l, ok := v.Op.(*ir.Loop); ok && l.Trip > 0 {
			j := joiner{takeApart(v), folder{b}, nil, nil}
			j.classes, j.out = j.p.classes(), j.p.before(b)
			if shared := j.shared(); j.sums() || shared {
				edits[v] = j.p
			}
		}
	}
	return rewriteLoops(f, b, edits)
}

type joiner struct {
	p *parts
	folder
	classes map[*ir.Value]class
	out     *outside
}

// joinable reports whether v is a product of matrices whose second factor does not change.
func (j joiner) joinable(v *ir.Value) bool {
	_, ok := v.Op.(ir.Product)
	return ok && len(v.Shape) == 2 && j.classes[v] != steady && j.classes[v.Args[1]] == steady
}

// second is the second factors of products joined along one of their sides, in the form that the first has, as
// a constant.
func (j joiner) second(products []*ir.Value, along func(op ir.Product) int) *ir.Value {
	first := products[0].Op.(ir.Product)
	var factors []*ir.Value
	for _, z := range products {
		w, _ := j.out.value(z.Args[1])
		if z.Op.(ir.Product).TransB != first.TransB {
			w = j.make(ir.Transpose{Perm: []int{1, 0}}, w)
		}
		factors = append(factors, w)
	}
	return j.p.addConst(j.make(ir.Concat{Axis: along(first)}, factors...), "")
}

// shared joins products with the same first factor.
func (j joiner) shared() bool {
	type source struct {
		x     *ir.Value
		trans bool
	}
	sharing := map[source][]*ir.Value{}
	var order []source
	for _, v := range j.p.op.Body.Values() {
		if j.joinable(v) && !slices.Contains(j.p.op.Body.Results, v) { // what is stacked or carried is best written there
			s := source{v.Args[0], v.Op.(ir.Product).TransA}
			if sharing[s] == nil {
				order = append(order, s)
			}
			sharing[s] = append(sharing[s], v)
		}
	}
	joined := false
	for _, s := range order {
		members := sharing[s]
		if len(members) < 2 {
			continue
		}
		joined = true
		w := j.second(members, func(op ir.Product) int { _, kept := sides(op, 2); return kept[1] })
		z := j.b.New(members[0].Op, s.x, w)
		from := 0
		for _, v := range members {
			to := from + v.Shape[1]
			j.p.sub[v] = j.b.Slice(z, 1, from, to)
			from = to
		}
	}
	return joined
}

// sums joins products that are added up.
func (j joiner) sums() bool {
	values := j.p.op.Body.Values()
	uses := j.p.op.Body.Users()
	inner := innerSums(values, uses)
	joined := false
	for _, v := range values {
		if !isSum(v) || inner[v] {
			continue
		}
		var products, rest []*ir.Value
		var collect func(v *ir.Value)
		collect = func(v *ir.Value) {
			for _, a := range v.Args {
				switch {
				case inner[a]:
					collect(a)
				case j.p.sub[a] == nil && j.joinable(a) && uses[a] == 1 && !a.Op.(ir.Product).TransA && isElem(a.Args[0]):
					products = append(products, a)
				default:
					rest = append(rest, a)
				}
			}
		}
		collect(v)
		if len(products) < 2 {
			continue
		}
		joined = true
		var xs []*ir.Value
		for _, z := range products {
			xs = append(xs, z.Args[0])
		}
		x := j.b.New(ir.Concat{Axis: 1}, xs...)
		w := j.second(products, func(op ir.Product) int { summed, _ := sides(op, 2); return summed[1] })
		z := j.b.New(products[0].Op, x, w)
		j.p.sub[v] = j.sum(v.Op, append(rest, z))
		j.unstack(x)
	}
	return joined
}

// unstack takes stacks of parts of x from a stack of x.
func (j joiner) unstack(x *ir.Value) {
	from := 0
	for _, part := range x.Args {
		to := from + part.Shape[1]
		for i, s := range j.p.stacks {
			if s.value == part {
				whole := j.p.stackOf(x, s.rev)
				j.p.instead[s.out] = j.make(ir.Slice{Axis: 2, From: from, To: to}, whole)
				j.p.stacks = slices.Delete(j.p.stacks, i, i+1)
				break
			}
		}
		from = to
	}
}

package opt

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// The limits of one Fused value. They bound the registers and the arguments that a kernel needs.
const (
	maxFusedOps      = 64
	maxFusedOperands = 24 // arguments and results
)

// fuse makes one value of elementwise functions that feed each other and have one shape:
//
//	c' = f*c + i*g; h' = o*tanh(c')    ->    c', h' = fused(f, c, i, g, o)
//
// Constants and indices become part of it; views stay around it, for they are only other ways to read. It runs
// last, since the other passes look into elementwise functions one by one.
//
// What is fused must be computable at once: no way may lead out of it and back in. To see that without search,
// every value has a level that grows along each way out of an elementwise function into anything that cannot be
// fused with it; functions are fused if they are connected and have the same level. A value that is wanted only
// later is put on the level where it is wanted.
//
// A cheap function that another group wants, too, and whose arguments that group reads anyhow, is computed by both:
// nobody need keep it. The squares of gradients are such, which their norm wants at once and the optimizer later.
func fuse(f *ir.Func) (*ir.Func, error) {
	z := newFusion(f)
	g, err := z.again(f)
	if err != nil {
		return nil, err
	}
	if g != f {
		z = newFusion(g)
	}
	if f = g; len(z.group) == 0 {
		return f, nil
	}
	r := newRewriter(builderFor(f))
	r.first = func(v *ir.Value) *ir.Value {
		g := z.group[v]
		if g == nil {
			return nil
		}
		if g.built == nil {
			g.built = z.build(r, g)
		}
		return r.b.Proj(g.built, slices.Index(g.results, v)).Named(v.Name)
	}
	return r.fn(f)
}

// fusion finds what can be fused.
type fusion struct {
	values []*ir.Value
	read   map[*ir.Value][]*ir.Value
	level  map[*ir.Value]int
	result map[*ir.Value]bool
	group  map[*ir.Value]*group
}

// group is elementwise values that become one, in order, and those of them that others read.
type group struct {
	members, results []*ir.Value
	built            *ir.Value
}

func newFusion(f *ir.Func) *fusion {
	z := &fusion{
		values: f.Values(),
		read:   map[*ir.Value][]*ir.Value{},
		level:  map[*ir.Value]int{},
		result: map[*ir.Value]bool{},
		group:  map[*ir.Value]*group{},
	}
	for _, r := range f.Results {
		z.result[r] = true
	}
	for _, v := range z.values {
		for _, a := range v.Args {
			z.read[a] = append(z.read[a], v)
		}
	}
	z.levels()
	for _, members := range z.components() {
		for len(members) > 0 {
			n := z.fits(members)
			g := &group{members: members[:n]}
			for _, v := range g.members {
				z.group[v] = g
			}
			for _, v := range g.members {
				if z.escapes(v) {
					g.results = append(g.results, v)
				}
			}
			members = members[n:]
		}
	}
	return z
}

func isElem(v *ir.Value) bool {
	_, ok := v.Op.(ir.Elem)
	return ok
}

// fusible reports whether reader v and its argument a may be in one group.
func fusible(a, v *ir.Value) bool { return isElem(a) && isElem(v) && a.Shape.Equal(v.Shape) }

// step is how much higher v stands than its argument a at least.
func step(a, v *ir.Value) int {
	if isElem(a) && !fusible(a, v) {
		return 1
	}
	return 0
}

func (z *fusion) levels() {
	for _, v := range z.values {
		for _, a := range v.Args {
			z.level[v] = max(z.level[v], z.level[a]+step(a, v))
		}
	}
	top := 0
	for _, l := range z.level {
		top = max(top, l+1)
	}
	for _, v := range slices.Backward(z.values) {
		late := top
		// at that level: by a reader that it can be fused with, or because here it is fused with nothing
		wanted := !z.joins(v)
		for _, u := range z.read[v] {
			if l := z.level[u] - step(v, u); l < late {
				late, wanted = l, fusible(v, u)
			} else if l == late {
				wanted = wanted || fusible(v, u)
			}
		}
		if !isElem(v) || wanted {
			z.level[v] = late
		}
	}
}

// joins reports whether v has the level of an argument that it can be fused with.
func (z *fusion) joins(v *ir.Value) bool {
	return slices.ContainsFunc(v.Args, func(a *ir.Value) bool { return fusible(a, v) && z.level[a] == z.level[v] })
}

// components are the connected elementwise values of each level, each in order.
func (z *fusion) components() [][]*ir.Value {
	parent := map[*ir.Value]*ir.Value{}
	find := func(v *ir.Value) *ir.Value {
		for parent[v] != nil {
			if g := parent[parent[v]]; g != nil {
				parent[v] = g
			}
			v = parent[v]
		}
		return v
	}
	for _, v := range z.values {
		for _, a := range v.Args {
			if fusible(a, v) && z.level[a] == z.level[v] {
				if x, y := find(a), find(v); x != y {
					parent[y] = x
				}
			}
		}
	}
	at := map[*ir.Value]int{}
	var cs [][]*ir.Value
	for _, v := range z.values {
		if !isElem(v) {
			continue
		}
		root := find(v)
		i, ok := at[root]
		if !ok {
			i = len(cs)
			at[root] = i
			cs = append(cs, nil)
		}
		cs[i] = append(cs[i], v)
	}
	return cs
}

// fits is how many of members, from the first on, keep to the limits; at least one. Members stand in order, so
// that what is cut off is only ever read by what comes later.
func (z *fusion) fits(members []*ir.Value) int {
	best := 1
	in := map[*ir.Value]bool{}
	args := map[*ir.Value]bool{}
	left := map[*ir.Value]int{} // readers that are not in yet
	results := 0
	for i, v := range members {
		if i == maxFusedOps {
			break
		}
		for _, a := range v.Args {
			if in[a] {
				if left[a]--; left[a] == 0 {
					results--
				}
			} else if !isConst(a) && !isIota(a) {
				args[a] = true
			}
		}
		in[v] = true
		left[v] = len(z.read[v])
		if z.result[v] {
			left[v]++
		}
		if left[v] > 0 {
			results++
		}
		if len(args)+results <= maxFusedOperands {
			best = i + 1
		}
	}
	return best
}

// escapes reports whether anything outside of v's group reads it.
func (z *fusion) escapes(v *ir.Value) bool {
	return z.result[v] || slices.ContainsFunc(z.read[v], func(u *ir.Value) bool { return z.group[u] != z.group[v] })
}

// again gives elementwise functions cheap arguments of their own.
func (z *fusion) again(f *ir.Func) (*ir.Func, error) {
	reads := map[*group]map[*ir.Value]bool{}
	for v, g := range z.group {
		if reads[g] == nil {
			reads[g] = map[*ir.Value]bool{}
		}
		for _, a := range v.Args {
			reads[g][a] = true
		}
	}
	r := newRewriter(builderFor(f))
	own := func(v, u *ir.Value) bool { // v, for u
		op, ok := v.Op.(ir.Elem)
		return ok && !op.Fn.Dear() && z.group[u] != nil && fusible(v, u) && z.group[v] != z.group[u] &&
			!slices.ContainsFunc(v.Args, func(a *ir.Value) bool { return !isConst(a) && !reads[z.group[u]][a] })
	}
	r.visit = func(u *ir.Value, args []*ir.Value) *ir.Value {
		if !slices.ContainsFunc(u.Args, func(v *ir.Value) bool { return own(v, u) }) {
			return nil
		}
		for i, v := range u.Args {
			if own(v, u) {
				args[i] = r.b.New(v.Op, r.values(v.Args)...).Named(v.Name)
			}
		}
		return r.b.New(u.Op, args...).Named(u.Name)
	}
	return r.fn(f)
}

func isIota(v *ir.Value) bool {
	_, ok := v.Op.(ir.Iota)
	return ok
}

// build makes the Fused value of a group.
func (z *fusion) build(r *rewriter, g *group) *ir.Value {
	body := &ir.Func{}
	inner := map[*ir.Value]*ir.Value{}
	var args []*ir.Value
	for _, v := range g.members {
		xs := make([]*ir.Value, len(v.Args))
		for i, a := range v.Args {
			if inner[a] == nil {
				if isConst(a) || isIota(a) {
					inner[a] = a
				} else {
					inner[a] = body.AddParam(a.Type, a.Name)
					args = append(args, r.value(a))
				}
			}
			xs[i] = inner[a]
		}
		inner[v] = r.b.New(v.Op, xs...).Named(v.Name)
	}
	for _, v := range g.results {
		body.Results = append(body.Results, inner[v])
	}
	return r.b.New(&ir.Fused{Shape: g.members[0].Shape, Body: body}, args...)
}

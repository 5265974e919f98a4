package opt

import (
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/graph/ir"
)

// merge makes one loop of loops with the same number of steps of which none depends on another:
//
//	a = loop(T, f, x)    b = loop(T, g, y)    ->    a, b = loop(T, (f, g), (x, y))
//
// A scan and the loop that its derivative runs to know the states become one, which cse then halves; so do the two directions
// of a bidirectional layer. A loop joins the loop that it shares the most arguments with.
func merge(f *ir.Func) (*ir.Func, error) {
	g := newLoopGraph(f)
	edits := map[*ir.Value]*parts{}
	for i, v := range g.loops {
		best, most := -1, -1
		for j := range i {
			if g.trip(j) != g.trip(i) || g.leader(j) != j {
				continue
			}
			if shared := sharedArgs(edits[g.loops[j]], v); shared > most && !g.depends(i, j) {
				best, most = j, shared
			}
		}
		p := takeApart(v)
		edits[v] = p
		if best < 0 {
			continue
		}
		first := edits[g.loops[best]]
		edits[v] = first.absorb(p)
		g.join(best, i)
	}
	for _, p := range edits {
		if len(p.carries)+len(p.stacks) == p.results && p.results == len(p.loop.Parts) && len(p.instead) == 0 {
			delete(edits, p.loop) // as it was
		}
	}
	return rewriteLoops(f, builderFor(f), edits)
}

// sharedArgs is how many arguments of v are arguments of p.
func sharedArgs(p *parts, v *ir.Value) int {
	args := map[*ir.Value]bool{}
	for _, s := range p.seqs {
		args[s.arg] = true
	}
	for _, c := range p.carries {
		args[c.init] = true
	}
	for _, c := range p.consts {
		args[c.arg] = true
	}
	n := 0
	for _, a := range v.Args {
		if args[a] {
			n++
		}
	}
	return n
}

// absorb puts what q computes into p, and returns q as a loop all of whose results come from p.
func (p *parts) absorb(q *parts) *parts {
	// Both may have the very same body, so that q's gets parameters of its own.
	params := make([]*ir.Value, len(q.op.Body.Params))
	for i, old := range q.op.Body.Params {
		params[i] = ir.NewParam(-1, old.Type, old.Name)
	}
	results := q.op.Body.Apply(params...)
	for i, s := range q.seqs {
		p.seqs = append(p.seqs, seq{params[i], s.arg, s.rev})
	}
	for i, c := range q.carries {
		p.carries = append(p.carries, carry{params[len(q.seqs)+i], c.init, results[i], p.results})
		q.instead[c.out] = p.result(p.results, c.param.Dtype, c.param.Shape)
		p.results++
	}
	for i, c := range q.consts {
		p.consts = append(p.consts, constant{params[len(q.seqs)+len(q.carries)+i], c.arg})
	}
	for i, s := range q.stacks {
		v := results[len(q.carries)+i]
		p.stacks = append(p.stacks, stack{v, s.rev, p.results})
		q.instead[s.out] = p.result(p.results, v.Dtype, v.Shape.With(p.op.Trip))
		p.results++
	}
	op := *p.op
	op.Label = joinLabels(p.op.Label, q.op.Label)
	p.op = &op
	return q
}

// joinLabels is the names in a and b, each once.
func joinLabels(a, b string) string {
	names := strings.Split(a, labelSeparator)
	for _, name := range strings.Split(b, labelSeparator) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(slices.DeleteFunc(names, func(s string) bool { return s == "" }), labelSeparator)
}

const labelSeparator = " + "

// loopGraph says which loops of a function depend on which.
type loopGraph struct {
	loops []*ir.Value // arguments before users
	on    [][]bool    // on[i][j]: loop i, or one merged with it, needs a result of loop j
	lead  []int       // the first of the loops that a loop is merged with
}

func newLoopGraph(f *ir.Func) *loopGraph {
	g := &loopGraph{}
	needs := map[*ir.Value][]bool{} // the loops that a value depends on; slices are shared and never changed
	for _, v := range f.Values() {
		var set []bool
		for _, a := range v.Args {
			set = union(set, needs[a])
		}
		if _, ok := v.Op.(*ir.Loop); ok {
			i := len(g.loops)
			g.loops = append(g.loops, v)
			g.lead = append(g.lead, i)
			g.on = append(g.on, set)
			set = append(slices.Clone(set), make([]bool, i+1-len(set))...)
			set[i] = true
		}
		needs[v] = set
	}
	return g
}

// union is the elements of both sets; one of the arguments if it holds the other.
func union(a, b []bool) []bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	cloned := false
	for i, in := range b {
		if in && !a[i] {
			if !cloned {
				a, cloned = slices.Clone(a), true
			}
			a[i] = true
		}
	}
	return a
}

func (g *loopGraph) trip(i int) int { return g.loops[i].Op.(*ir.Loop).Trip }

func (g *loopGraph) leader(i int) int { return g.lead[i] }

// depends reports whether loop i needs leader j, directly or through what loops are merged with. The other way round cannot be
// while j is merged with loops before i only, for arguments come before their users.
func (g *loopGraph) depends(i, j int) bool {
	seen := make([]bool, len(g.loops))
	var visit func(k int) bool
	visit = func(k int) bool {
		if seen[k] {
			return false
		}
		seen[k] = true
		for m, needed := range g.on[k] {
			if needed && (g.lead[m] == j || visit(g.lead[m])) {
				return true
			}
		}
		return false
	}
	return visit(i)
}

// join merges loop j into leader i.
func (g *loopGraph) join(i, j int) {
	g.lead[j] = i
	n := max(len(g.on[i]), len(g.on[j]))
	set := make([]bool, n)
	for k := range n {
		set[k] = k < len(g.on[i]) && g.on[i][k] || k < len(g.on[j]) && g.on[j][k]
	}
	g.on[i] = set
}

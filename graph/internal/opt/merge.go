package opt

import (
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// merge makes one loop of loops with the same number of steps of which none depends on another:
//
//	a = loop(T, f, x)    b = loop(T, g, y)    ->    a, b = loop(T, (f, g), (x, y))
//
// A scan and the loop that its derivative runs to know the states become one, which cse then halves; so do the
// two directions of a bidirectional layer. A loop joins the loop that it shares the most arguments with.
func merge(f *ir.Func) (*ir.Func, error) {
	g := newLoopGraph(f)
	edits := map[*ir.Value]*parts{}
	for i, v := range g.loops {
		best := g.best(i)
		p := takeApart(v)
		edits[v] = p
		if best >= 0 {
			edits[v] = edits[g.loops[best]].absorb(p)
			g.join(best, i)
		}
	}
	for _, p := range edits {
		if len(p.carries)+len(p.stacks) == p.results && p.results == len(p.loop.Parts) && len(p.instead) == 0 {
			delete(edits, p.loop) // as it was
		}
	}
	return rewriteLoops(f, builderFor(f), edits)
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
	op.Back = p.op.Back || q.op.Back
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

// loopGraph says which loops of a function depend on which. Loops are numbered, arguments before users; loops
// that are merged have the number of the first of them, their leader. Sets are of leaders, so that the work for
// a loop does not grow with the loops that it cannot be merged with: most of those of a deep model.
type loopGraph struct {
	loops []*ir.Value
	on    []bitset              // on[i]: the loops whose results loop i needs, directly or not
	lead  []int                 // the leader of a loop
	needs []bitset              // of a leader: on, with what merging has added
	equal map[int]bitset        // by number of steps: the leaders
	users map[*ir.Value][]int32 // the leaders that have a value as an argument, or a loop that has joined them
}

func newLoopGraph(f *ir.Func) *loopGraph {
	g := &loopGraph{equal: map[int]bitset{}, users: map[*ir.Value][]int32{}}
	needs := map[*ir.Value]bitset{} // the loops that a value depends on; sets are shared and never changed
	for _, v := range f.Values() {
		var set bitset
		for _, a := range v.Args {
			set = union(set, needs[a])
		}
		if _, ok := v.Op.(*ir.Loop); ok {
			i := len(g.loops)
			g.loops, g.on = append(g.loops, v), append(g.on, set)
			set = slices.Clone(set)
			set.add(i)
		}
		needs[v] = set
	}
	return g
}

func (g *loopGraph) trip(i int) int { return g.loops[i].Op.(*ir.Loop).Trip }

// best makes loop i a leader, and gives the leader before it that it may be merged with and shares the most
// arguments with, the first of equals; -1 if there is none. A leader cannot need loop i while it stands for
// loops before i only, for arguments come before users.
func (g *loopGraph) best(i int) int {
	needs := g.leaders(i)
	free := g.equal[g.trip(i)].without(needs)
	best, most := free.first(), int32(0)
	shared := map[int32]int32{}
	for _, a := range g.loops[i].Args {
		for _, j := range g.users[a] {
			shared[j]++
			if n := shared[j]; free.has(int(j)) && (n > most || n == most && int(j) < best) {
				best, most = int(j), n
			}
		}
	}
	g.lead, g.needs = append(g.lead, i), append(g.needs, needs)
	equal := g.equal[g.trip(i)]
	equal.add(i)
	g.equal[g.trip(i)] = equal
	g.uses(i, i)
	return best
}

// leaders are those that loop i needs. What is needed by what is needed has mostly been found with the last of them.
func (g *loopGraph) leaders(i int) bitset {
	var all bitset
	for m := g.on[i].last(len(g.on[i]) * 64); m >= 0; m = g.on[i].last(m) {
		if j := g.lead[m]; !all.has(j) {
			all = slices.Clone(union(all, g.needs[j]))
			all.add(j)
		}
	}
	return all
}

// uses notes that leader j has the arguments of loop i.
func (g *loopGraph) uses(j, i int) {
	for _, a := range g.loops[i].Args {
		if !slices.Contains(g.users[a], int32(j)) {
			g.users[a] = append(g.users[a], int32(j))
		}
	}
}

// join merges loop j, the last that best was called for, into leader i.
func (g *loopGraph) join(i, j int) {
	more := g.needs[j]
	g.lead[j] = i
	g.equal[g.trip(j)].remove(j)
	for _, a := range g.loops[j].Args {
		g.users[a] = slices.DeleteFunc(g.users[a], func(k int32) bool { return int(k) == j })
	}
	g.uses(i, j)
	if len(more.without(g.needs[i])) == 0 {
		return
	}
	for k, needs := range g.needs {
		if k == i || needs.has(i) {
			g.needs[k] = union(needs, more)
		}
	}
}

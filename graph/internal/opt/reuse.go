package opt

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// reuse lets a loop read what an earlier loop has computed at the same step, where it computes that again:
//
//	loop F: ... z_t = x_t·W + h_{t-1}·U; h_t = tanh(z_t) ...
//	loop R: ... x_t·W + h_{t-1}·U, from the stacked x and h ...    ->    R reads the stack of h_t
//
// A sequence of R that is a sequence or a stack of F tells which steps belong together: in the derivative of a
// recurrence, step i of R is step T-1-i of F. From these sequences on, values of R that are computed as in F
// are found. Of those that the rest of R needs, the ones that are held as stacks of F are chosen so that little
// is written and read: what costs little to compute from what is there is computed again (see cut). A stack of
// a carry is free, since its history is kept anyhow, and so is what hoist will compute for all steps before F
// runs.
func reuse(f *ir.Func) (*ir.Func, error) {
	edits := map[*ir.Value]*parts{}
	var loops []*parts
	for _, v := range f.Values() {
		l, ok := v.Op.(*ir.Loop)
		if !ok {
			continue
		}
		r := takeApart(v)
		for _, e := range loops {
			if e.op.Trip == l.Trip && e.lend(r) {
				edits[e.loop], edits[r.loop] = e, r
			}
		}
		loops = append(loops, r)
	}
	return rewriteLoops(f, builderFor(f), edits)
}

// lend finds what r computes as p does and makes r read it. It reports whether there is any.
func (p *parts) lend(r *parts) bool {
	same, opposite := p.correspondence(r)
	if len(same) == 0 {
		return false
	}
	// What p has for all steps anyway is nearly free to read; any other value of p would have to be stacked for r.
	lenders := p.classes()
	free := p.heavyBefore(lenders) // of p: known before it runs, stacked, or a carry
	for _, s := range p.stacks {
		free[s.value] = true
	}
	for _, c := range p.carries {
		free[c.param], free[c.next] = true, true
	}
	classes := r.classes()
	c := newCut(
		func(v *ir.Value) float64 {
			switch {
			case isParam(v) || r.sub[v] != nil:
				return 0
			case same[v] == nil || v.Parts != nil:
				return never
			case free[same[v]]:
				return float64(v.Shape.Size()) / 8 // it is read, but not written
			}
			return float64(v.Shape.Size())
		},
		func(v *ir.Value) float64 {
			if classes[v] == steady {
				return 0 // computed once, wherever that is
			}
			return elementCost(v)
		})
	// r must have what its results are, and what those of its values need that p does not compute. All else that
	// both compute is only on the way there, and the cut decides how much of that way is read and how much computed
	// again: checkpointing (Griewank and Walther, 2000) in reverse, with costs in place of a budget of memory.
	values := r.op.Body.Values()
	wanted := map[*ir.Value]bool{}
	for _, v := range r.roots() {
		wanted[r.follow(v)] = true
	}
	for _, v := range values {
		if same[v] == nil && r.sub[v] == nil {
			for _, a := range v.Args {
				wanted[a] = true
			}
		}
	}
	for _, v := range values {
		if wanted[v] && same[v] != nil && r.sub[v] == nil && v.Parts == nil {
			c.want(v)
		}
	}
	lent := false
	for _, v := range values {
		if !c.held[v] || isParam(v) || r.sub[v] != nil {
			continue
		}
		dir := p.direction()
		if seqs := lenders[same[v]] &^ onCarry; seqs.overSteps() {
			dir = seqs == onReversed // the order of what it is computed from
		}
		r.sub[v] = r.addSeq(p.stackOf(same[v], dir), dir != opposite, v.Name)
		lent = true
	}
	return lent
}

// correspondence maps values of r's body to values of p's body that are the same at corresponding steps: the
// same step, or, if opposite, T-1 minus it.
func (p *parts) correspondence(r *parts) (same map[*ir.Value]*ir.Value, opposite bool) {
	type source struct {
		value *ir.Value
		rev   bool
	}
	sources := map[*ir.Value][]source{} // by sequence of p, or by stack (the loop and its result)
	stacks := map[int]source{}
	for _, s := range p.seqs {
		sources[s.arg] = append(sources[s.arg], source{s.param, s.rev})
	}
	for _, s := range p.stacks {
		stacks[s.out] = source{s.value, s.rev}
	}
	// Both alignments are collected: step i with step i, as for two loops of one direction, and step i with step
	// T-1-i, as for a recurrence and its derivative. The one that more sequences speak for is taken.
	var maps [2]map[*ir.Value]*ir.Value
	for i := range maps {
		maps[i] = map[*ir.Value]*ir.Value{}
	}
	for _, s := range r.seqs {
		from := sources[s.arg]
		if proj, ok := s.arg.Op.(ir.Proj); ok && s.arg.Args[0] == p.loop {
			if src, ok := stacks[proj.Index]; ok {
				from = append(slices.Clip(from), src)
			}
		}
		for _, src := range from {
			if src.rev != s.rev {
				maps[1][s.param] = src.value
			} else {
				maps[0][s.param] = src.value
			}
		}
	}
	same = maps[0]
	if opposite = len(maps[1]) >= len(maps[0]); opposite {
		same = maps[1]
	}
	if len(same) == 0 {
		return nil, false
	}
	consts := map[*ir.Value]*ir.Value{}
	for _, c := range p.consts {
		consts[c.arg] = c.param
	}
	for _, c := range r.consts {
		if q := consts[c.arg]; q != nil {
			same[c.param] = q
		}
	}
	// From equal inputs on, equality grows as in value numbering: the same operation on values that are the same is
	// the same.
	t := newTable()
	for _, v := range p.op.Body.Values() {
		if !isParam(v) {
			t.first[t.key(v.Op, v.Args)] = v
		}
	}
	for _, v := range r.op.Body.Values() {
		if isParam(v) || r.sub[v] != nil {
			continue
		}
		args := make([]*ir.Value, len(v.Args))
		known := true
		for i, a := range v.Args {
			args[i] = same[a]
			known = known && args[i] != nil
		}
		if known {
			if w := t.first[t.key(v.Op, args)]; w != nil {
				same[v] = w
			}
		}
	}
	return same, opposite
}

// direction is the order in which p stacks, or reads, what it has most likely in common with other loops.
func (p *parts) direction() bool {
	switch {
	case len(p.stacks) > 0:
		return p.stacks[0].rev
	case len(p.seqs) > 0:
		return p.seqs[0].rev
	}
	return false
}

func isParam(v *ir.Value) bool {
	_, ok := v.Op.(ir.Param)
	return ok
}

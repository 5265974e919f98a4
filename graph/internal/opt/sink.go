package opt

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// sink moves behind a loop what only its stacks need: it is computed for all steps at once (see batch) from
// stacks of what it is computed from.
//
//	stack(h_t·V)       =  stack(h)·V       one product of TB×H, not T of B×H
//	stack(dz_t·Wᵀ)     =  stack(dz)·Wᵀ
//
// It moves if the stacks that this needs cost less than what it saves: the stack itself, the starts of
// products, functions of rows, look-ups and random draws in every step, and reading their constant arguments in
// every step.
func sink(f *ir.Func) (*ir.Func, error) {
	b := builderFor(f)
	edits := map[*ir.Value]*parts{}
	for _, v := range f.Values() {
		if l, ok := v.Op.(*ir.Loop); ok && l.Trip > 0 {
			if p := takeApart(v); p.sink(b) {
				edits[v] = p
			}
		}
	}
	return rewriteLoops(f, b, edits)
}

func (p *parts) sink(b *ir.Builder) bool {
	// A stack in one order must not be computed from one in the other: turned round it would be copied. So each
	// order has its own turn, and the second finds the loop as the first has left it.
	forward := p.sinkStacks(p.after(b, p.needed(nil), false))
	return p.sinkStacks(p.after(b, p.needed(nil), true)) || forward
}

// sinkStacks moves the stacks that have the order of a.
func (p *parts) sinkStacks(a *after) bool {
	stacked := map[*ir.Value]bool{}
	for _, s := range p.stacks {
		if s.rev == a.rev && !isParam(s.value) {
			stacked[s.value] = true
		}
	}
	// In the order of the body, so that what an early stack is held for is free for the later ones that are
	// computed from it.
	for _, v := range p.op.Body.Values() {
		if stacked[v] {
			a.want(v)
		}
	}
	// A stack that is held stays as it is. All others can be had from what is held: they leave the loop, and the
	// products that only they needed are no longer reached.
	var left, sunk []stack
	for _, s := range p.stacks {
		if stacked[s.value] && s.rev == a.rev && !a.held[s.value] {
			sunk = append(sunk, s)
		} else {
			left = append(left, s)
		}
	}
	p.stacks = left
	for _, s := range sunk {
		p.instead[s.out] = a.all(s.value)
	}
	return len(sunk) > 0
}

// after computes values of a loop's body behind the loop, from stacks in one order: no view turns the others round.
type after struct {
	*outside
	*cut
	rev     bool
	classes map[*ir.Value]class
}

// after prepares to compute what is not needed within the loop, and what is cheap, behind it. What hoist will
// compute before the loop, for all steps, is there for nothing.
func (p *parts) after(b *ir.Builder, needed map[*ir.Value]bool, rev bool) *after {
	a := &after{rev: rev, classes: p.classes()}
	args := map[*ir.Value]*ir.Value{}
	free := p.heavyBefore(a.classes)
	history := map[*ir.Value]bool{} // carries: kept for all steps at little cost
	for _, s := range p.seqs {
		if s.rev == a.rev {
			args[s.param], free[s.param] = s.arg, true
		}
	}
	for _, c := range p.consts {
		args[c.param], free[c.param] = c.arg, true
	}
	for _, s := range p.stacks {
		if s.rev == a.rev && (needed[s.value] || isParam(s.value)) {
			free[s.value] = true
		}
	}
	// A carry and its next value are the same stack, one step apart: the planner keeps both as one history of T+1
	// rows.
	for _, c := range p.carries {
		if free[c.param] || free[c.next] {
			free[c.param], free[c.next] = true, true
		}
		history[c.param], history[c.next] = true, true
	}
	a.cut = newCut(
		func(v *ir.Value) float64 {
			size := float64(v.Shape.Size())
			switch {
			case a.classes[v] == steady && !isParam(v) || v.Parts != nil:
				return never
			case free[v]:
				return 0
			case history[v]:
				return size / 8
			}
			return size
		},
		func(v *ir.Value) float64 {
			if isParam(v) || !a.batchable(v) {
				return never
			}
			if a.classes[v] == steady {
				return 0
			}
			if k := elementCost(v); k != never {
				if isElem(v) && !a.classes[v].overSteps() {
					k += float64(v.Shape.Size()) // behind the loop it is a pass over memory of its own
				}
				return k
			}
			if needed[v] {
				return never
			}
			if !heavy(v.Op) {
				return 0
			}
			// A heavy operation behind the loop is a gain, hence less than 0: one start in place of T, and a constant
			// argument such as a weight is read once.
			k := -float64(start)
			for _, x := range v.Args {
				if a.classes[x] == steady {
					k -= float64(x.Shape.Size())
				}
			}
			return k
		})
	a.outside = p.outside(b, func(v *ir.Value) (*ir.Value, bool, bool) {
		if w := args[v]; w != nil {
			return w, a.classes[v] != steady, true
		}
		if a.held[v] || isParam(v) {
			return p.stackOf(v, a.rev), true, true
		}
		return nil, false, false
	})
	return a
}

// batchable reports whether v can be computed behind the loop if its arguments are there.
func (a *after) batchable(v *ir.Value) bool {
	if a.classes[v] == steady {
		return true
	}
	if v.Parts != nil {
		return false
	}
	over := make([]bool, len(v.Args))
	for i, x := range v.Args {
		over[i] = a.classes[x] != steady
	}
	return canBatch(v.Op, over)
}

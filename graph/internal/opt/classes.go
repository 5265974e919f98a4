package opt

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// class says what a value of a loop's body depends on.
type class uint8

const (
	onForward  class = 1 << iota // a sequence that is not reversed
	onReversed                   // a sequence that is
	onCarry                      // a carry, or the host
	steady     class = 0         // constants alone, or nothing
)

// overSteps reports whether the value can be known for all steps before the loop runs.
func (c class) overSteps() bool { return c == onForward || c == onReversed }

func (p *parts) classes() map[*ir.Value]class {
	of := map[*ir.Value]class{}
	for _, s := range p.seqs {
		of[s.param] = onForward
		if s.rev {
			of[s.param] = onReversed
		}
	}
	for _, c := range p.carries {
		of[c.param] = onCarry
	}
	for _, v := range p.op.Body.Values() {
		for _, a := range v.Args {
			of[v] |= of[a]
		}
		if callsHost(v.Op) {
			of[v] |= onCarry
		}
	}
	return of
}

// callsHost reports whether op calls a Go function, which might do something else each time: it runs at every
// step, as it was asked to.
func callsHost(op ir.Op) bool {
	switch op := op.(type) {
	case *ir.Host, *ir.AllReduce:
		return true
	case *ir.Loop:
		for _, v := range op.Body.Values() {
			if callsHost(v.Op) {
				return true
			}
		}
	}
	return false
}

// sum describes a carry that only adds up: next = carry + terms, where nothing else reads the carry or what
// lies between.
type sum struct {
	carry int // index into parts.carries
	terms []term
}

// term is what a step adds, or subtracts.
type term struct {
	value    *ir.Value
	negative bool
}

// sums finds the carries that only add up.
func (p *parts) sums() []sum {
	uses := p.op.Body.Users()
	var found []sum
	for i, c := range p.carries {
		if uses[c.param] != 1 {
			continue
		}
		s := sum{carry: i}
		v := c.next
		for v != c.param {
			// One way leads to the carry; the side ways are terms. Of each argument only one can.
			e, ok := v.Op.(ir.Elem)
			if !ok || e.Fn != tape.Add && e.Fn != tape.Sub || v.Dtype == tape.Int32 || uses[v] != 1 {
				break
			}
			x, y := v.Args[0], v.Args[1]
			if e.Fn == tape.Add && !leadsTo(x, c.param, uses) {
				x, y = y, x
			}
			s.terms = append(s.terms, term{y, e.Fn == tape.Sub})
			v = x
		}
		if v == c.param && len(s.terms) > 0 {
			found = append(found, s)
		}
	}
	return found
}

// leadsTo reports whether v is the carry, or a sum with it that nothing else reads.
func leadsTo(v, carry *ir.Value, uses map[*ir.Value]int) bool {
	for {
		if v == carry {
			return true
		}
		e, ok := v.Op.(ir.Elem)
		if !ok || e.Fn != tape.Add && e.Fn != tape.Sub || uses[v] != 1 {
			return false
		}
		if e.Fn == tape.Add && leadsTo(v.Args[1], carry, uses) {
			return true
		}
		v = v.Args[0]
	}
}

// needed is what the carries other than the given sums depend on, after replacement: what the loop must compute
// step by step.
func (p *parts) needed(sums []sum) map[*ir.Value]bool {
	isSum := map[int]bool{}
	for _, s := range sums {
		isSum[s.carry] = true
	}
	var roots []*ir.Value
	for i, c := range p.carries {
		if !isSum[i] {
			roots = append(roots, c.next)
		}
	}
	return p.reach(roots)
}

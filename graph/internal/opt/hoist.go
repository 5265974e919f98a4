package opt

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// hoist moves out of a loop what does not depend on its carries:
//
//	what depends on constants only   is computed once before the loop and is a constant of it
//	what depends on a sequence       is computed before the loop for all steps at once (see batch), and is a sequence of it
//
// Of the latter, products, functions of rows, look-ups and random numbers move, with what they are computed
// from. Elementwise functions of the results stay inside, where fuse makes them one with others and they cost
// no pass over memory (see cut); and so do broadcasts. What depends on sequences in both directions stays.
func hoist(f *ir.Func) (*ir.Func, error) {
	b := builderFor(f)
	edits := map[*ir.Value]*parts{}
	for _, v := range f.Values() {
		if l, ok := v.Op.(*ir.Loop); ok && l.Trip > 0 {
			if p := takeApart(v); p.hoist(b) {
				edits[v] = p
			}
		}
	}
	return rewriteLoops(f, b, edits)
}

func (p *parts) hoist(b *ir.Builder) bool {
	classes := p.classes()
	values := p.op.Body.Values()
	movable, heavy := p.movable(classes), p.heavyBefore(classes)
	// Only what a heavy operation is on the way of is worth to leave: an elementwise function alone would trade a
	// fused instruction of each step for a pass over memory of all steps.
	worth := map[*ir.Value]bool{} // over steps, and to be moved
	for _, v := range values {
		if movable[v] && classes[v].overSteps() {
			worth[v] = heavy[v]
			for _, a := range v.Args {
				worth[v] = worth[v] || worth[a]
			}
		}
	}
	// Between the heavy operations and what stays lies a frontier of values that become sequences of the loop.
	// Where it runs is a matter of cost: a bias is better added inside, where it is part of an instruction that is
	// there anyway.
	read := map[*ir.Value][]*ir.Value{}
	for _, v := range values {
		for _, a := range v.Args {
			read[a] = append(read[a], v)
		}
	}
	c := newCut(
		func(v *ir.Value) float64 {
			switch {
			case isParam(v) || classes[v] == steady:
				return 0
			case !worth[v]:
				return never
			case isElem(viewed(v)):
				return 3 * float64(v.Shape.Size()) // it costs a pass over memory of its own, before the loop
			}
			return float64(v.Shape.Size())
		},
		func(v *ir.Value) float64 {
			k := elementCost(v)
			if isElem(v) && !slices.ContainsFunc(read[v], func(u *ir.Value) bool { return fusible(v, u) }) {
				k += start // it would be an instruction of its own
			}
			return k
		})
	// The frontier is found from what stays inside: the results of the body, and the arguments of all that cannot
	// move.
	wanted := map[*ir.Value]bool{} // by what stays, or by all that stays of a steady value
	for _, r := range p.roots() {
		wanted[r] = true
	}
	for _, v := range values {
		if !worth[v] && !(movable[v] && classes[v] == steady) {
			for _, a := range v.Args {
				wanted[a] = true
			}
		}
	}
	for _, v := range values {
		if wanted[v] && worth[v] {
			c.want(v)
		}
	}
	// What is computed inside again may want steady values, too.
	for _, v := range values {
		if worth[v] && !c.held[v] {
			for _, a := range v.Args {
				wanted[a] = true
			}
		}
	}
	// The body reads the frontier from now on; what it is computed from is no longer reached there.
	out := p.before(b)
	moved := false
	for _, v := range values {
		switch {
		case isParam(v) || v.Parts != nil:
		case c.held[v] && worth[v]:
			w, _ := out.value(v)
			p.sub[v] = p.addSeq(w, classes[v] == onReversed, v.Name)
			moved = true
		case wanted[v] && movable[v] && classes[v] == steady:
			moved = p.hoistSteady(out, v) || moved
		}
	}
	return moved
}

// viewed is what v is a view of, or v.
func viewed(v *ir.Value) *ir.Value {
	for {
		switch v.Op.(type) {
		case ir.Broadcast, ir.Reshape, ir.Transpose, ir.Slice:
			v = v.Args[0]
			continue
		}
		return v
	}
}

// movable is the values of the body that could be computed before the loop.
func (p *parts) movable(classes map[*ir.Value]class) map[*ir.Value]bool {
	movable := map[*ir.Value]bool{}
	for _, v := range p.op.Body.Values() {
		if classes[v] != steady && !classes[v].overSteps() {
			continue
		}
		can := true
		over := make([]bool, len(v.Args))
		for i, a := range v.Args {
			can = can && movable[a]
			over[i] = classes[a] != steady
		}
		movable[v] = can && (isParam(v) || classes[v] == steady || canBatch(v.Op, over))
	}
	return movable
}

// heavyBefore is the products, functions of rows, look-ups and random numbers that can be computed for all
// steps before the loop. A product of two sequences that is much larger than these is not among them: to keep
// it for all steps costs more than it saves.
func (p *parts) heavyBefore(classes map[*ir.Value]class) map[*ir.Value]bool {
	of := map[*ir.Value]bool{}
	for v, can := range p.movable(classes) {
		if !can || !heavy(v.Op) || !classes[v].overSteps() {
			continue
		}
		steadyArg, size := false, start
		for _, a := range v.Args {
			steadyArg = steadyArg || classes[a] == steady
			size += a.Shape.Size()
		}
		_, product := v.Op.(ir.Product)
		of[v] = !product || steadyArg || v.Shape.Size() <= size
	}
	return of
}

// hoistSteady makes v, or what it is a broadcast of, a constant of the loop.
func (p *parts) hoistSteady(out *outside, v *ir.Value) bool {
	switch v.Op.(type) {
	case ir.Const, ir.Iota:
		return false
	case ir.Broadcast:
		x := v.Args[0]
		return !isParam(x) && p.hoistSteady(out, x)
	}
	w, _ := out.value(v)
	p.sub[v] = p.addConst(w, v.Name)
	return true
}

// outside computes values of a loop's body around the loop.
type outside struct {
	batch
	p     *parts
	leaf  func(v *ir.Value) (w *ir.Value, over, ok bool) // what is there without being computed
	done  map[*ir.Value]*ir.Value
	overs map[*ir.Value]bool
}

func (p *parts) outside(b *ir.Builder, leaf func(v *ir.Value) (*ir.Value, bool, bool)) *outside {
	return &outside{batch{folder{b}, p.op.Trip}, p, leaf, map[*ir.Value]*ir.Value{}, map[*ir.Value]bool{}}
}

// before computes from sequences and constants: what a body is made of before any step has run.
func (p *parts) before(b *ir.Builder) *outside {
	args := map[*ir.Value]*ir.Value{}
	for _, s := range p.seqs {
		args[s.param] = s.arg
	}
	for _, c := range p.consts {
		args[c.param] = c.arg
	}
	classes := p.classes()
	return p.outside(b, func(v *ir.Value) (*ir.Value, bool, bool) {
		w := args[v]
		return w, classes[v] != steady, w != nil
	})
}

// value is v of all steps, with the steps as a leading dimension (over), or v itself if it is the same at every step.
func (o *outside) value(v *ir.Value) (w *ir.Value, over bool) {
	if w, ok := o.done[v]; ok {
		return w, o.overs[v]
	}
	w, over, ok := o.leaf(v)
	if !ok {
		args := make([]*ir.Value, len(v.Args))
		overs := make([]bool, len(v.Args))
		for i, a := range v.Args {
			args[i], overs[i] = o.value(a)
			over = over || overs[i]
		}
		if over {
			w = o.apply(v.Op, args, overs)
		} else {
			w = o.make(v.Op, args...)
		}
	}
	o.done[v], o.overs[v] = w, over
	return w, over
}

// all is v of all steps, with the steps as a leading dimension.
func (o *outside) all(v *ir.Value) *ir.Value {
	w, over := o.value(v)
	if !over {
		w = o.make(ir.Broadcast{Shape: w.Shape.With(o.trip)}, w)
	}
	return w
}

package op

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/lower"
)

// vjp is the vector-Jacobian product of a step: from the gradients of its results to those of its parameters.
type vjp struct {
	// gradients of next and outs, new inputs of the body; nil for integers and for what no parameter influences
	given []*G.Node
	grads []*G.Node // gradients of params; nil for integers and for what influences no result
}

// vjp derives the step, once.
func (r *recurrence) vjp() (*vjp, error) {
	if r.product != nil {
		return r.product, nil
	}
	results := slices.Concat(r.next, r.outs)
	affected, affecting := influence(r.params, results)
	v := &vjp{given: make([]*G.Node, len(results)), grads: make([]*G.Node, len(r.params))}
	var outs, outGrads, wrt G.Nodes
	b := New(r.body)
	for i, n := range results {
		if !affected[n] {
			continue
		}
		t, err := lower.TypeOf(n)
		if err != nil {
			return nil, err
		}
		v.given[i] = b.input("grad", i, "", t)
		outs, outGrads = append(outs, n), append(outGrads, v.given[i])
	}
	for _, p := range r.params {
		if affecting[p] {
			wrt = append(wrt, p)
		}
	}
	if len(wrt) > 0 {
		grads, err := G.Backpropagate(outs, outGrads, wrt)
		if err != nil {
			return nil, errors.Wrap(err, "the step has no derivative")
		}
		for i, p := range r.params {
			if k := slices.Index(wrt, p); k >= 0 {
				v.grads[i] = grads[k]
			}
		}
	}
	r.product = v
	return v, nil
}

// influence finds which of results depend on a parameter, and on which of params a result depends, along
// differentiable paths.
func influence(params, results []*G.Node) (affected, affecting map[*G.Node]bool) {
	dependent := map[*G.Node]bool{} // on some parameter
	for _, p := range params {
		dependent[p] = p.Dtype() != tensor.Int32
	}
	nodes := lower.Sorted(results)
	paths := func(n *G.Node) G.Nodes { // the arguments that n is differentiable in
		op, ok := n.Op().(G.SDOp)
		if !ok {
			return nil
		}
		var ps G.Nodes
		children := lower.Children(n)
		for i, d := range op.DiffWRT(len(children)) {
			if d {
				ps = append(ps, children[i])
			}
		}
		return ps
	}
	for _, n := range nodes {
		for _, c := range paths(n) {
			dependent[n] = dependent[n] || dependent[c]
		}
	}
	affected, affecting = map[*G.Node]bool{}, map[*G.Node]bool{}
	for _, n := range results {
		affected[n] = dependent[n]
		affecting[n] = dependent[n]
	}
	for _, n := range slices.Backward(nodes) {
		if affecting[n] {
			for _, c := range paths(n) {
				affecting[c] = dependent[c]
			}
		}
	}
	return affected, affecting
}

// scanGrad is the derivative of a scan: from the scan's inputs and the gradients of its results to the
// gradients of its inputs.
type scanGrad struct {
	*recurrence
	*vjp
}

func (o scanGrad) String() string                  { return fmt.Sprintf("ScanGrad(%q, %d steps)", o.name, o.trip) }
func (o scanGrad) Type([]ir.Type) (ir.Type, error) { return packedType(o.results()) }
func (o scanGrad) lastInput() []ir.Type            { return o.parts }

// results are the types of the gradients: those of the scan's inputs that are not integers, in order.
func (o scanGrad) results() []ir.Type {
	var ts []ir.Type
	for i, p := range o.params {
		if p.Dtype() == tensor.Int32 {
			continue
		}
		t, _ := lower.TypeOf(p) // recorded before, so it is known to have one
		if i < o.seqs {
			t.Shape = t.Shape.With(o.trip)
		}
		ts = append(ts, t)
	}
	return ts
}

// Lower: a loop forward that stacks the states at the entry of each step (which merges with the scan's own
// loop), then a loop in the other direction whose carries are the gradients of the states and the sums of those
// of the constants.
func (o scanGrad) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	consts := in[o.seqs+o.states : len(in)-1]
	entries := o.entries(b, in[:len(in)-1])

	back := &loopBuilder{trip: o.trip, reverse: !o.reverse}
	var params []*ir.Value // of the step, as the body of the loop back sees them
	for _, x := range in[:o.seqs] {
		params = append(params, back.seq(x))
	}
	for _, x := range entries {
		params = append(params, back.seq(x))
	}
	grad := func(i int) *ir.Value { return b.Proj(in[len(in)-1], i) }
	stacks := o.states + len(o.outs)
	given := make([]*ir.Value, stacks)
	for i := range given {
		if o.given[i] != nil {
			given[i] = back.seq(grad(i))
		}
	}
	sums := map[int]*ir.Value{} // the carries, by parameter
	for i, p := range o.params[o.seqs:] {
		if p.Dtype() == tensor.Int32 {
			continue
		}
		if i < o.states {
			sums[o.seqs+i] = back.carry(grad(stacks + i))
			if given[i] != nil {
				given[i] = b.Add(given[i], sums[o.seqs+i])
			}
		} else {
			sums[o.seqs+i] = back.carry(b.Like(0, consts[i-o.states]))
		}
	}
	for _, x := range consts {
		params = append(params, back.constant(x))
	}
	ds, err := o.step(b, params, given)
	if err != nil {
		return b.Fail(err)
	}
	for i, p := range o.params {
		if p.Dtype() == tensor.Int32 {
			continue
		}
		switch d := ds[i]; {
		case i < o.seqs:
			if d == nil {
				d = b.Like(0, params[i])
			}
			back.stack(d)
		case i < o.seqs+o.states:
			if d == nil {
				d = b.Like(0, params[i])
			}
			back.next(d)
		default:
			if d == nil {
				d = sums[i]
			} else {
				d = b.Add(sums[i], d)
			}
			back.next(d)
		}
	}
	return back.loop(b, o.name+" backwards")
}

// entries is the stacks of the states as each step finds them.
func (o scanGrad) entries(b *ir.Builder, in []*ir.Value) []*ir.Value {
	if o.states == 0 {
		return nil
	}
	body, err := lower.Func(b.Float, o.params, slices.Concat(o.next, o.params[o.seqs:o.seqs+o.states]))
	if err != nil {
		b.Fail(err)
	}
	if b.Err() != nil {
		return slices.Repeat([]*ir.Value{b.Fail(b.Err())}, o.states)
	}
	loop := b.New(&ir.Loop{
		Trip: o.trip, Label: o.name, Body: body, Carries: o.states,
		Seqs:   slices.Repeat([]bool{o.reverse}, o.seqs),
		Stacks: slices.Repeat([]bool{o.reverse}, o.states),
	}, in...)
	es := make([]*ir.Value, o.states)
	for i := range es {
		es[i] = b.Proj(loop, i)
	}
	return es
}

// step is the vector-Jacobian product of the step for the given parameters and gradients; nil where there is none.
func (o scanGrad) step(b *ir.Builder, params, given []*ir.Value) ([]*ir.Value, error) {
	inputs, args := slices.Clone(o.params), slices.Clone(params)
	for i, n := range o.given {
		if n != nil {
			inputs, args = append(inputs, n), append(args, given[i])
		}
	}
	var outputs []*G.Node
	for _, n := range o.grads {
		if n != nil {
			outputs = append(outputs, n)
		}
	}
	for _, n := range lower.Sorted(outputs) {
		if lower.Random(n) {
			return nil, errors.Errorf("%s draws other numbers in the derivative than in the step; use Dropout or "+
				"Uniform of op.Builder", lower.Describe(n))
		}
	}
	f, err := lower.Func(b.Float, inputs, outputs)
	if err != nil {
		return nil, err
	}
	rs := f.Apply(args...)
	ds := make([]*ir.Value, len(o.grads))
	for i, n := range o.grads {
		if n != nil {
			ds[i], rs = rs[0], rs[1:]
		}
	}
	return ds, nil
}

// Diff: a scan's derivative has no derivative of its own.
func (o scanGrad) Diff(b *Builder, _ []*G.Node, _, _ *G.Node) []*G.Node {
	b.fail(errors.Errorf("%v: second derivatives of a Scan are not supported; write the inner derivative into the step",
		o))
	return nil
}

// loopBuilder collects the arguments and the body of a Loop, in any order.
type loopBuilder struct {
	trip                    int
	reverse                 bool
	seqs, carries, consts   []*ir.Value // arguments
	seqsP, carriesP, constP []*ir.Value // their parameters
	nexts, stacks           []*ir.Value
}

func (l *loopBuilder) seq(x *ir.Value) *ir.Value {
	p := &ir.Value{Type: ir.Type{Dtype: x.Dtype, Shape: x.Shape[1:]}, Name: x.Name}
	l.seqs, l.seqsP = append(l.seqs, x), append(l.seqsP, p)
	return p
}
func (l *loopBuilder) carry(init *ir.Value) *ir.Value {
	p := &ir.Value{Type: init.Type, Name: init.Name}
	l.carries, l.carriesP = append(l.carries, init), append(l.carriesP, p)
	return p
}
func (l *loopBuilder) constant(x *ir.Value) *ir.Value {
	p := &ir.Value{Type: x.Type, Name: x.Name}
	l.consts, l.constP = append(l.consts, x), append(l.constP, p)
	return p
}
func (l *loopBuilder) next(v *ir.Value)  { l.nexts = append(l.nexts, v) }
func (l *loopBuilder) stack(v *ir.Value) { l.stacks = append(l.stacks, v) }

func (l *loopBuilder) loop(b *ir.Builder, label string) *ir.Value {
	body := &ir.Func{Params: slices.Concat(l.seqsP, l.carriesP, l.constP), Results: slices.Concat(l.nexts, l.stacks)}
	for i, p := range body.Params {
		p.Op = ir.Param{Index: i, Of: p.Type}
	}
	return b.New(&ir.Loop{
		Trip: l.trip, Label: label, Back: true, Body: body, Carries: len(l.carries),
		Seqs:   slices.Repeat([]bool{l.reverse}, len(l.seqs)),
		Stacks: slices.Repeat([]bool{l.reverse}, len(l.stacks)),
	}, slices.Concat(l.seqs, l.carries, l.consts)...)
}

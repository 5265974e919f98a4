package op

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/lower"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Scan describes a recurrence over T steps.
type Scan struct {
	Name    string    // for dumps and errors
	Seqs    []*G.Node // sequences, each T×...; a step gets one element of each
	States  []*G.Node // the states before the first step
	Consts  []*G.Node // what every step gets whole; nodes that the step merely mentions are added by themselves
	Mask    *G.Node   // optional, T×B: where it is 0 a step leaves row b of every state as it is, and its outputs are 0
	Reverse bool      // go from element T-1 of the sequences to element 0
}

// In is what a step gets.
type In struct {
	Seqs   []*G.Node // element t of each sequence
	States []*G.Node // the states after the step before
	Consts []*G.Node
}

// Out is what a step gives.
type Out struct {
	States []*G.Node // the new states, of the types of the old ones
	Outs   []*G.Node // any other nodes that are wanted from every step
}

// Step is one time step as equations: an ordinary Gorgonia graph, built with b and with Gorgonia's own
// functions alike. Through b it may use nodes of the graph around the scan, such as weights; Gorgonia's own
// functions need these passed as Consts.
type Step func(b *Builder, in In) Out

// Scanned is the result of a scan. Element t of a stack belongs to element t of the sequences, in both directions.
type Scanned struct {
	States []*G.Node // each T×...: the states after every step
	Outs   []*G.Node // each T×...: the outputs of every step
	Final  []*G.Node // the states after the last step
}

// Scan runs a step over sequences. It is one node of the graph, whatever T is; its derivative is one more: a
// scan in the other direction over the step's vector-Jacobian product, which gorgonia.Backpropagate derives
// from the step.
func (b *Builder) Scan(s Scan, step Step) Scanned {
	if b.err != nil {
		return b.brokenScan(s)
	}
	r, in, err := b.record(s, step)
	if err != nil {
		b.fail(errors.Wrapf(err, "Scan %q", s.Name))
		return b.brokenScan(s)
	}
	packed := b.apply(scan{r}, in...)
	part := func(from, n int) []*G.Node {
		ns := make([]*G.Node, n)
		for i := range ns {
			ns[i] = b.apply(part{from + i, r.parts}, packed)
		}
		return ns
	}
	states, outs := len(s.States), len(r.outs)
	return Scanned{part(0, states), part(states, outs), part(states+outs, states)}
}

func (b *Builder) brokenScan(s Scan) Scanned {
	broken := slices.Repeat([]*G.Node{b.broken()}, max(8, len(s.States)))
	return Scanned{broken, broken, broken}
}

// recurrence is a recorded step: the body of a scan, shared by its node and by its derivative.
type recurrence struct {
	name    string
	trip    int
	reverse bool
	seqs    int       // how many of params are elements of sequences; states are next, then constants
	states  int       //
	params  []*G.Node // inputs of the body
	next    []*G.Node // the new states
	outs    []*G.Node
	body    *G.ExprGraph
	parts   []ir.Type // the results: stacks of states, stacks of outs, final states

	product *vjp // derived when first needed
}

// record builds the body of a scan and lists the nodes that the scan is applied to.
func (b *Builder) record(s Scan, step Step) (*recurrence, []*G.Node, error) {
	trip, err := s.steps()
	if err != nil {
		return nil, nil, err
	}
	r := &recurrence{name: s.Name, trip: trip, reverse: s.Reverse, states: len(s.States), body: G.NewGraph()}
	inner := &Builder{g: r.body, outer: b}

	outerSeqs := s.Seqs
	if s.Mask != nil {
		outerSeqs = append(slices.Clip(outerSeqs), s.Mask)
	}
	var in In
	for i, x := range outerSeqs {
		t, err := lower.TypeOf(x)
		if err != nil {
			return nil, nil, err
		}
		t.Shape = t.Shape[1:]
		in.Seqs = append(in.Seqs, inner.input("seq", i, x.Name(), t))
	}
	for i, x := range s.States {
		t, err := lower.TypeOf(x)
		if err != nil {
			return nil, nil, err
		}
		in.States = append(in.States, inner.input("state", i, x.Name(), t))
	}
	for _, x := range s.Consts {
		c, err := inner.own(x)
		if err != nil {
			return nil, nil, err
		}
		in.Consts = append(in.Consts, c)
	}

	out, err := inner.masked(s, step, in)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range out.States {
		r.next = append(r.next, inner.Identity(n))
	}
	for _, n := range out.Outs {
		r.outs = append(r.outs, inner.Identity(n))
	}
	if inner.err != nil {
		return nil, nil, inner.err
	}
	r.seqs = len(in.Seqs)
	r.params = slices.Concat(in.Seqs, in.States, inner.consts)
	if err := r.checkStates(in.States); err != nil {
		return nil, nil, err
	}
	if r.parts, err = r.resultTypes(); err != nil {
		return nil, nil, err
	}
	return r, slices.Concat(outerSeqs, s.States, inner.captured), nil
}

// steps checks what the scan is given and counts the steps: the length of all sequences.
func (s Scan) steps() (int, error) {
	seqs := s.Seqs
	if s.Mask != nil {
		seqs = append(slices.Clip(seqs), s.Mask)
	}
	if len(seqs) == 0 {
		return 0, errors.New("needs a sequence, which says how many steps there are")
	}
	for _, x := range seqs {
		if x == nil || x.Dims() == 0 {
			return 0, errors.New("a sequence needs a leading dimension, over which the scan goes")
		}
		if x.Shape()[0] != seqs[0].Shape()[0] {
			return 0, errors.Errorf("sequences %s and %s have different lengths", lower.Describe(seqs[0]), lower.Describe(x))
		}
	}
	for i, x := range slices.Concat(s.States, s.Consts) {
		if x == nil {
			return 0, errors.Errorf("state or constant %d is nil", i)
		}
	}
	if s.Mask != nil && s.Mask.Dims() != 2 {
		return 0, errors.Errorf("the mask %s is not T×B", lower.Describe(s.Mask))
	}
	return seqs[0].Shape()[0], nil
}

// masked runs the step; with a mask, which is then the last of in.Seqs, it holds back what the mask forbids.
func (b *Builder) masked(s Scan, step Step, in In) (Out, error) {
	if step == nil {
		return Out{}, errors.New("there is no step: it is nil")
	}
	given := in
	given.Seqs = in.Seqs[:len(s.Seqs)]
	out := step(b, given)
	if b.err != nil {
		return out, b.err
	}
	if len(out.States) != len(in.States) {
		return out, errors.Errorf("the step gives %d states, wants %d", len(out.States), len(in.States))
	}
	if s.Mask == nil {
		return out, nil
	}
	mask := in.Seqs[len(s.Seqs)]
	rows := func(n *G.Node) *G.Node { // the mask, B, so that it broadcasts over n, B×...
		return b.Reshape(mask, append([]int{mask.Shape()[0]}, slices.Repeat([]int{1}, max(n.Dims()-1, 0))...)...)
	}
	kept := Out{}
	for i, n := range out.States {
		kept.States = append(kept.States, b.Where(rows(n), n, in.States[i]))
	}
	for _, n := range out.Outs {
		if n.Dtype() == tensor.Int32 {
			kept.Outs = append(kept.Outs, n)
			continue
		}
		kept.Outs = append(kept.Outs, b.Where(rows(n), n, b.Fill(n, 0)))
	}
	return kept, b.err
}

func (r *recurrence) checkStates(old []*G.Node) error {
	for i, n := range r.next {
		if !slices.Equal(n.Shape(), old[i].Shape()) || n.Dtype() != old[i].Dtype() {
			return errors.Errorf("state %d is %v %v and becomes %v %v", i, old[i].Dtype(), []int(old[i].Shape()), n.Dtype(),
				[]int(n.Shape()))
		}
	}
	return nil
}

func (r *recurrence) resultTypes() ([]ir.Type, error) {
	var stacks, finals []ir.Type
	for i, n := range slices.Concat(r.next, r.outs) {
		t, err := lower.TypeOf(n)
		if err != nil {
			return nil, err
		}
		if i < r.states {
			finals = append(finals, t)
		}
		stacks = append(stacks, ir.Type{Dtype: t.Dtype, Shape: t.Shape.With(r.trip)})
	}
	return append(stacks, finals...), nil
}

// input makes an input of the graph. Gorgonia takes inputs of one name for one input; kind and i make the name unique.
func (b *Builder) input(kind string, i int, name string, t ir.Type) *G.Node {
	return G.NewUniqueNode(G.In(b.g), G.WithType(gorgoniaType(t)), G.WithShape(t.Shape...),
		G.WithName(fmt.Sprintf("%s%d:%s", kind, i, name)))
}

// scan is the node of a recurrence; its value is all results in one.
type scan struct{ *recurrence }

func (o scan) String() string                     { return fmt.Sprintf("Scan(%q, %d steps)", o.name, o.trip) }
func (o scan) Type(in []ir.Type) (ir.Type, error) { return packedType(o.parts) }
func (o scan) results() []ir.Type                 { return o.parts }

// Lower: one Loop; the states are its carries, and the stacks are the new states, then the outs.
func (o scan) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	body, err := lower.Func(b.Float, o.params, slices.Concat(o.next, o.next, o.outs))
	if err != nil {
		return b.Fail(err)
	}
	return b.New(&ir.Loop{
		Trip: o.trip, Label: o.name, Body: body, Carries: o.states,
		Seqs:   slices.Repeat([]bool{o.reverse}, o.seqs),
		Stacks: slices.Repeat([]bool{o.reverse}, o.states+len(o.outs)),
	}, in...)
}

// Diff: one scan in the other direction gives all gradients.
func (o scan) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	v, err := o.vjp()
	if err != nil {
		b.fail(errors.Wrap(err, o.String()))
		return nil
	}
	grad := scanGrad{o.recurrence, v}
	packed := b.apply(grad, append(slices.Clone(in), g)...)
	ds := make([]*G.Node, len(in))
	k := 0
	for i, p := range o.params {
		if p.Dtype() != tensor.Int32 {
			ds[i] = b.apply(part{k, grad.results()}, packed)
			k++
		}
	}
	return ds
}

// packedType is the type of a node that holds several values in one. Gorgonia's nodes have one value each;
// where a scan has several results, its node's value is all of them, flattened and joined, and part nodes take
// them out. The compiler never makes the joined vector: to it, the node is a tuple.
func packedType(parts []ir.Type) (ir.Type, error) {
	t := ir.Type{Dtype: tape.Int32, Shape: ir.Shape{0}}
	for _, p := range parts {
		t.Shape[0] += p.Shape.Size()
		if p.Dtype != tape.Int32 {
			t.Dtype = p.Dtype
		}
	}
	if t.Dtype == tape.Int32 {
		return t, errors.New("needs at least one floating-point state or output")
	}
	return t, nil
}

// packer is implemented by rules whose result is several values in one.
type packer interface{ results() []ir.Type }

// unpacker is implemented by rules whose last input is several values in one.
type unpacker interface{ lastInput() []ir.Type }

package export

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/lower"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/onnx"
	"github.com/unroll-ml/unroll/internal/setting"
)

// Standard is a step that ONNX has an operator for. A scan is that operator if its step is the same computation,
// value by value, as this one.
//
// A mask of the scan must leave out steps behind the last one that it leaves in, and no others: the operators know
// lengths only.
type Standard struct {
	Operator    string   // LSTM, GRU or RNN
	Activations []string // but for the usual ones
	Gates       []int    // which gate of the weights is the first, second ... of the operator: i o f c, and z r h
	Peepholes   []int    // likewise: i o f

	// Declare declares the step for inputs and states of such lengths.
	Declare func(b *op.Builder, in, hidden int) (StandardCell, error)
}

// StandardCell is a step with its weights: with G gates, one below the other, G·H×I and G·H×H, and biases of G·H.
type StandardCell struct {
	Step                  func(b *op.Builder, x *G.Node, states []*G.Node) []*G.Node
	Input, Hidden         *G.Node
	InputBias, HiddenBias *G.Node // nil: none
	Peephole              *G.Node // nil: none
}

// check says what is wrong with a description.
func (s *Standard) check() error {
	if err := setting.OneOf("Operator", s.Operator, []string{"LSTM", "GRU", "RNN"}); err != nil {
		return err
	}
	if err := setting.Set("Declare", s.Declare != nil, "a function that declares the step"); err != nil {
		return err
	}
	gates := map[string]int{"LSTM": 4, "GRU": 3, "RNN": 1}[s.Operator]
	if !isOrder(s.Gates, gates) || s.Peepholes != nil && !isOrder(s.Peepholes, gates-1) {
		return &setting.Error{Setting: "Gates", Value: s.Gates,
			Want: fmt.Sprintf("the numbers below %d in some order, and Peepholes those below %d", gates, gates-1)}
	}
	return nil
}

// isOrder says whether numbers are 0 to n-1 in some order.
func isOrder(numbers []int, n int) bool {
	sorted := slices.Sorted(slices.Values(numbers))
	for i, x := range sorted {
		if x != i {
			return false
		}
	}
	return len(sorted) == n
}

// check says what is wrong with a step that was declared.
func (c *StandardCell) check(peepholes bool) error {
	if c.Step == nil || c.Input == nil || c.Hidden == nil || (c.InputBias == nil) != (c.HiddenBias == nil) ||
		c.Peephole != nil && !peepholes {
		return errors.New("a standard step needs Step, Input, Hidden, both biases or none, Peepholes for a peephole")
	}
	return nil
}

// recurrence is a loop that an operator computes.
type recurrence struct {
	Standard
	value                 *ir.Value
	loop                  *ir.Loop
	hidden, states        int
	masked                bool
	input, recurrent      *G.Node // the weights
	inputBias, hiddenBias *G.Node
	peephole              *G.Node
}

// known is the results of a loop that an operator computes.
func (t *translator) known(v *ir.Value, l *ir.Loop) ([]value, bool) {
	for stack := range t.frame.used[v] {
		if stack > 0 && stack < len(l.Stacks) {
			return nil, false // operators give the first state of all steps, and no other
		}
	}
	for _, s := range t.standard {
		r, err := t.match(s, v, l)
		if err != nil {
			t.fail(err)
			return nil, false
		}
		if r != nil {
			return t.recurrence(r), true
		}
	}
	return nil, false
}

// match says whether a loop is a standard step, and with which weights; nil if it is not.
func (t *translator) match(s Standard, v *ir.Value, l *ir.Loop) (*recurrence, error) {
	params, seqs := l.Body.Params, len(l.Seqs)
	if seqs < 1 || seqs > 2 || l.Carries < 1 || l.Consts() < 1 || len(params[seqs].Shape) != 2 {
		return nil, nil
	}
	x, hidden := params[0], params[seqs].Shape[1]
	wide := params[seqs+l.Carries] // tokens are columns of the first weight
	if len(x.Shape) > 1 {
		wide = x
	}
	if len(wide.Shape) == 0 {
		return nil, nil
	}
	b := op.New(G.NewGraph())
	cell, err := s.Declare(b, wide.Shape[len(wide.Shape)-1], hidden)
	if err := cmp.Or(err, cell.check(s.Peepholes != nil)); err != nil {
		return nil, err
	}
	var leaves G.Nodes
	leaf := func(of ir.Type, lead ...int) *G.Node {
		dtype := tensor.Float32
		if of.Dtype == tape.Int32 {
			dtype = tensor.Int32
		}
		shape := append(lead, of.Shape...)
		n := G.NewTensor(b.Graph(), dtype, len(shape), G.WithShape(shape...), G.WithName(t.name("leaf")))
		leaves = append(leaves, n)
		return n
	}
	scan := op.Scan{Seqs: []*G.Node{leaf(x.Type, l.Trip)}, Reverse: l.Seqs[0]}
	if seqs == 2 {
		scan.Mask = leaf(params[1].Type, l.Trip)
	}
	for _, p := range params[seqs : seqs+l.Carries] {
		scan.States = append(scan.States, leaf(p.Type))
	}
	same, err := recorded(b, scan, cell, leaves)
	if err != nil || same == nil || !l.Same(same.Op.(*ir.Loop)) {
		return nil, nil // also where the step does not take such inputs or states
	}
	r := &recurrence{Standard: s, value: v, loop: l, hidden: hidden, states: l.Carries, masked: seqs == 2}
	for i, a := range same.Args {
		for node, to := range map[*G.Node]**G.Node{
			cell.Input: &r.input, cell.Hidden: &r.recurrent, cell.Peephole: &r.peephole,
			cell.InputBias: &r.inputBias, cell.HiddenBias: &r.hiddenBias,
		} {
			if node == nil || a.Name != node.Name() {
				continue
			}
			if *to = t.leafOf(v.Args[i]); *to == nil {
				return nil, nil // computed, and the operator wants its gates in another order
			}
		}
	}
	return r, nil
}

// recorded is the loop that a scan of a standard step becomes; nil if there is no such scan.
func recorded(b *op.Builder, scan op.Scan, cell StandardCell, leaves G.Nodes) (*ir.Value, error) {
	run := b.Scan(scan, func(b *op.Builder, in op.In) op.Out {
		return op.Out{States: cell.Step(b, in.Seqs[0], in.States)}
	})
	if b.Err() != nil {
		return nil, b.Err()
	}
	for _, w := range []*G.Node{cell.Input, cell.Hidden, cell.InputBias, cell.HiddenBias, cell.Peephole} {
		if w != nil {
			leaves = append(leaves, w)
		}
	}
	f, err := lower.Func(tape.Float32, leaves, run.Final)
	if err != nil {
		return nil, err
	}
	for _, v := range f.Values() {
		if _, ok := v.Op.(*ir.Loop); ok {
			return v, nil
		}
	}
	return nil, nil
}

// leafOf is the weight that a value of the main graph is; nil if it is none.
func (t *translator) leafOf(v *ir.Value) *G.Node {
	p, ok := v.Op.(ir.Param)
	if !ok || t.frame.outer != nil {
		return nil
	}
	i := p.Index - len(t.m.inputs)
	if i < 0 || i >= len(t.m.weights) {
		return nil
	}
	return t.m.weights[i]
}

// recurrence is the results of a loop, from an operator. Behind the end of a sequence the operator gives 0, and a
// scan the state that it holds.
func (t *translator) recurrence(r *recurrence) []value {
	args, seqs := r.value.Args, len(r.loop.Seqs)
	direction := "forward"
	if r.loop.Seqs[0] {
		direction = "reverse"
	}
	as := attributes("hidden_size", r.hidden, "direction", direction)
	if r.Operator == "GRU" {
		as = append(as, attributes("linear_before_reset", 1)...)
	}
	if r.Activations != nil {
		as = append(as, attributes("activations", r.Activations)...)
	}
	in := []value{t.vectors(r), t.gates(r.Gates, r.input), t.gates(r.Gates, r.recurrent), t.none(), t.none()}
	if r.inputBias != nil {
		in[3] = t.gates(r.Gates, r.inputBias, r.hiddenBias)
	}
	var steps lengths
	if r.masked {
		steps = t.lengthsOf(args[1])
		in[4] = steps.count
	}
	for i := range r.states {
		begin := t.none()
		if h := args[seqs+i]; !h.IsConst(0) {
			begin = t.emit("Unsqueeze", nil, t.value(h), t.vector(0))
		}
		in = append(in, begin)
	}
	if r.peephole != nil {
		in = append(in, t.gates(r.Peepholes, r.peephole))
	}
	for in[len(in)-1].name == "" {
		in = in[:len(in)-1]
	}
	out := t.emits(r.Operator, 1+r.states, as, in...)
	all := make([]value, len(r.loop.Stacks)+r.states)
	for i := range r.states {
		all[len(r.loop.Stacks)+i] = t.held(args[seqs+i], t.emit("Squeeze", nil, out[1+i], t.vector(0)), steps.some)
	}
	all[0] = t.emit("Squeeze", nil, out[0], t.vector(1))
	if r.masked && t.frame.used[r.value][0] {
		rest := all[len(r.loop.Stacks)]
		if r.loop.Seqs[0] {
			rest = t.value(args[seqs])
		}
		all[0] = t.emit("Where", nil, steps.valid, all[0], rest)
	}
	return all
}

// held is the last state: of a sequence without steps it is the first, and operators give 0.
func (t *translator) held(begin *ir.Value, last, some value) value {
	if some.in == nil || begin.IsConst(0) {
		return last
	}
	return t.emit("Where", nil, some, last, t.value(begin))
}

// vectors are the inputs of a recurrence: of tokens, one-hot vectors.
func (t *translator) vectors(r *recurrence) value {
	x := r.value.Args[0]
	if x.Dtype != tape.Int32 {
		return t.value(x)
	}
	columns := t.cast(t.emit("Range", nil, t.integer(0), t.integer(r.input.Shape()[1]), t.integer(1)), onnx.Int32)
	equal := t.emit("Equal", nil, t.emit("Unsqueeze", nil, t.value(x), t.vector(2)), columns)
	return t.cast(equal, onnx.Float)
}

// lengths are what a mask, T×B, says of sequences.
type lengths struct {
	count value // B: how many steps
	some  value // B×1: whether there is one
	valid value // T×B×1: which steps are some
}

func (t *translator) lengthsOf(mask *ir.Value) lengths {
	if l, ok := t.lengths[mask]; ok {
		return l
	}
	valid := t.cast(t.value(mask), onnx.Bool)
	if _, smaller := mask.Op.(ir.Broadcast); !smaller {
		valid = t.truth(mask)
	}
	l := lengths{valid: t.emit("Unsqueeze", nil, valid, t.vector(2))}
	l.count = t.emit("ReduceSum", attributes("keepdims", 0), t.cast(valid, onnx.Int32), t.vector(0))
	l.some = t.emit("Unsqueeze", nil, t.cast(l.count, onnx.Bool), t.vector(1))
	t.lengths[mask] = l
	return l
}

// gatesOf are weights in the order of an operator, so that they are put in order once for both declarations.
type gatesOf struct {
	first *float32
	of    int
}

// gates are weights whose gates, one below the other, are put in another order, one after the other in a direction.
func (t *translator) gates(order []int, weights ...*G.Node) value {
	first := weights[0]
	k := gatesOf{&t.m.data[first][0], len(weights)}
	if v, ok := t.constant[k]; ok {
		return v
	}
	data := t.ordered[k]
	if data == nil {
		for _, w := range weights {
			all := t.m.data[w]
			size := len(all) / len(order)
			for _, gate := range order {
				data = append(data, all[gate*size:(gate+1)*size]...)
			}
		}
		t.ordered[k] = data
	}
	dims := append([]int{1}, first.Shape()...)
	dims[1] *= len(weights)
	return t.add(k, t.name(first.Name()), data, dims...)
}

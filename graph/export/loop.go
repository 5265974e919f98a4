package export

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/onnx"
)

// loop is the results of a loop of the program: those of an operator that computes it, or of a Scan. Results that
// nothing uses have no value.
func (t *translator) loop(v *ir.Value, l *ir.Loop) []value {
	if results, ok := t.known(v, l); ok || t.err != nil {
		return results
	}
	args := make([]value, len(v.Args))
	for i, a := range v.Args {
		args[i] = t.value(a)
	}
	seqs := len(l.Seqs)
	body := &scope{outer: t.deepest(args), graph: &onnx.Graph{Name: t.name("step")}}
	bind := make([]func() value, len(args))
	for i, p := range l.Body.Params {
		x := args[i]
		if i < seqs+l.Carries {
			x = value{t.name("of_step"), body}
			t.declare(body, x, p.Type)
		}
		bind[i] = func() value { return x }
	}
	// A Scan takes and gives states before sequences.
	inputs := body.graph.Inputs
	body.graph.Inputs = append(slices.Clone(inputs[seqs:]), inputs[:seqs]...)
	var stacks []int
	for i := range l.Stacks {
		if t.frame.used[v][i] {
			stacks = append(stacks, i)
		}
	}
	results := slices.Clone(l.Body.Results[:l.Carries])
	directions := make([]int, len(stacks))
	for i, k := range stacks {
		results = append(results, l.Body.Results[l.Carries+k])
		directions[i] = direction(l.Stacks[k])
	}
	outer := t.frame
	t.frame = newFrame(t.frame, l.Body, bind)
	for _, r := range results {
		t.finish(body, t.value(r), r.Type)
	}
	t.frame = outer
	of := make([]int, seqs)
	for i, reversed := range l.Seqs {
		of[i] = direction(reversed)
	}
	as := attributes("body", body.graph, "num_scan_inputs", seqs, "scan_input_directions", of)
	if len(stacks) > 0 {
		as = append(as, attributes("scan_output_directions", directions)...)
	}
	given := append(slices.Clone(args[seqs:seqs+l.Carries]), args[:seqs]...)
	out := t.emitsIn(body.outer, "Scan", len(results), as, given...)
	all := make([]value, len(l.Stacks)+l.Carries)
	for i, k := range stacks {
		all[k] = out[l.Carries+i]
	}
	copy(all[len(l.Stacks):], out)
	return all
}

// direction is how ONNX says whether a sequence is read from its end.
func direction(reversed bool) int {
	if reversed {
		return 1
	}
	return 0
}

// declare makes a value an input of the body of a loop.
func (t *translator) declare(body *scope, x value, of ir.Type) {
	body.graph.Inputs = append(body.graph.Inputs, t.declaration(x.name, of))
}

// finish makes a value a result of the body of a loop. It gets a node of its own where it has none there, or is one
// already: runtimes want that.
func (t *translator) finish(body *scope, x value, of ir.Type) {
	made := slices.ContainsFunc(body.graph.Nodes, func(n onnx.Node) bool { return slices.Contains(n.Outputs, x.name) })
	twice := slices.ContainsFunc(body.graph.Outputs, func(v onnx.Value) bool { return v.Name == x.name })
	if !made || twice {
		x = t.emitsIn(body, "Identity", 1, nil, x)[0]
	}
	body.graph.Outputs = append(body.graph.Outputs, t.declaration(x.name, of))
}

// While is a loop that ends when a step says so.
type While struct {
	Name   string
	Most   *G.Node   // an integer, an input: the most steps
	States []*G.Node // before the first step
	Step   func(states []*G.Node) WhileStep
}

// WhileStep is what a step gives.
type WhileStep struct {
	States []*G.Node // of the types of the old ones
	Outs   []*G.Node
	More   *G.Node // a scalar: whether there is another step
}

// while is a While in a model.
type while struct {
	name   string
	most   *G.Node
	begin  []*G.Node
	states []*G.Node // leaves: before a step
	step   WhileStep
	stacks []*G.Node // leaves: the outs of all steps
	finals []*G.Node // leaves: the last states
	body   *scope
}

// While declares a loop. steps is the Size of the number of steps that were taken. It gives the outs of all steps,
// steps×... each, and the last states.
func (m *Model) While(l While, steps int) (outs, last []*G.Node) {
	w := &while{name: l.Name, most: l.Most, begin: l.States}
	declare := func(what string, i int, like *G.Node, lead ...int) *G.Node {
		return m.given(fmt.Sprintf("%s.%s%d", l.Name, what, i), like.Dtype(), append(lead, like.Shape()...)...)
	}
	if l.Step == nil || l.Most == nil || l.Most.Dtype() != tensor.Int32 || len(l.States) == 0 ||
		slices.Contains(l.States, nil) || m.Err() != nil {
		m.fail(errors.Errorf("the loop %q needs a step, states and an integer for the most steps", l.Name))
		return nil, nil
	}
	for i, n := range l.States {
		w.states = append(w.states, declare("state", i, n))
	}
	w.step = l.Step(w.states)
	if len(w.step.States) != len(l.States) || w.step.More == nil || slices.Contains(w.step.Outs, nil) ||
		m.Err() != nil {
		m.fail(errors.Errorf("the step of the loop %q gives %d states: it needs %d, and whether there is another step",
			l.Name, len(w.step.States), len(l.States)))
		return nil, nil
	}
	for i, n := range w.step.Outs {
		w.stacks = append(w.stacks, declare("out", i, n, steps))
	}
	for i, n := range l.States {
		w.finals = append(w.finals, declare("last", i, n))
	}
	m.loops = append(m.loops, w)
	return w.stacks, w.finals
}

// results are the nodes that a loop needs translated, and given those that have their values from it, in the order of
// a Loop.
func (w *while) results() []*G.Node {
	return slices.Concat([]*G.Node{w.most, w.step.More}, w.begin, w.step.States, w.step.Outs)
}
func (w *while) given() []*G.Node { return slices.Concat(w.finals, w.stacks) }

func (w *while) stateName(i int) string { return w.states[i].Name() }

// while is the results of a While.
func (t *translator) while(w *while) []value {
	if out, ok := t.whiles[w]; ok {
		return out
	}
	in := []value{t.cast(t.value(t.result[w.most]), onnx.Int64), t.none()}
	for _, n := range w.begin {
		in = append(in, t.value(t.result[n]))
	}
	w.body.graph.Inputs = []onnx.Value{
		{Name: t.name("step"), Type: onnx.Int64}, {Name: t.name("more"), Type: onnx.Bool},
	}
	for i, n := range w.begin {
		t.declare(w.body, value{w.stateName(i), w.body}, t.result[n].Type)
	}
	more := t.truth(t.result[w.step.More])
	t.finish(w.body, more, ir.Type{Dtype: tape.Float32})
	w.body.graph.Outputs[0].Type = onnx.Bool
	for _, n := range slices.Concat(w.step.States, w.step.Outs) {
		t.finish(w.body, t.value(t.result[n]), t.result[n].Type)
	}
	t.whiles[w] = t.emitsIn(t.main, "Loop", len(w.given()), attributes("body", w.body.graph), in...)
	return t.whiles[w]
}

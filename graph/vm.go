package graph

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/lower"
)

// VM runs a whole graph behind Gorgonia's VM interface: where a program has gorgonia.NewTapeMachine, it can have NewVM.
//
// Each RunAll uploads the values that are bound to the graph's inputs then, as solvers change them in place; runs;
// and gives a value to every node. Of these
//
//   - the results are new values, which later runs do not touch: the ends of the forward pass, the roots of Grad, the
//     derivatives of inputs, and the nodes given by WithOutputs;
//   - the gradients that solvers and Node.Grad find are copies of their own, since solvers compute in their memory;
//     they are not added to those of the run before;
//   - all others, the inner nodes, have a value that the next run writes over, as on Gorgonia's machine.
//
// Inner values cost memory and time, because what nobody reads need not exist: see ResultsOnly. gorgonia.Read and
// gorgonia.Set are served after the run.
//
// Graphs in which Gorgonia has merged different nodes are refused; see lower.CheckMerged. A VM is not safe for use by
// several goroutines at once. docs/gorgonia.md tells all differences from Gorgonia's tape machine.
type VM struct {
	config     vmConfig
	graph      *G.ExprGraph
	outputs    G.Nodes // what gets a value: results, then inner nodes
	results    int     // how many are results
	params     G.Nodes // inputs with a derivative
	statements []lower.Statement
	slices     map[*G.Node][3]int // the slices that were compiled
	kept       map[*G.Node]G.Value
	program    *Program
}

var _ G.VM = (*VM)(nil)

// NewVM compiles a graph.
func NewVM(g *G.ExprGraph, opts ...Option) (*VM, error) {
	var c vmConfig
	for i, o := range opts {
		if o == nil {
			return nil, errors.Errorf("option %d is nil", i)
		}
		o(&c)
	}
	if g == nil {
		return nil, errors.New("there is no graph to compile: it is nil")
	}
	for _, n := range g.AllNodes() {
		if op, ok := n.Op().(G.TrainModeOp); ok {
			err := lower.Guard(n, func() error { return errors.Wrap(op.SetTraining(!c.eval), lower.Describe(n)) })
			if err != nil {
				return nil, err
			}
		}
	}
	vm := &VM{config: c, graph: g, kept: map[*G.Node]G.Value{}, outputs: distinct(lower.Results(g), c.outputs)}
	vm.results = len(vm.outputs)
	if !c.resultsOnly || c.nan || c.inf {
		vm.outputs = distinct(vm.outputs, lower.Inner(g))
	}
	for _, n := range g.AllNodes() {
		if s, ok := lower.StatementOf(n); ok {
			vm.statements = append(vm.statements, s)
		}
		if n.Op() == nil && n.Deriv() != nil {
			vm.params = append(vm.params, n)
		}
	}
	if err := vm.compile(); err != nil {
		return nil, errors.Wrap(err, "compiling the graph")
	}
	return vm, nil
}

// distinct lists the nodes of both lists once.
func distinct(lists ...G.Nodes) (all G.Nodes) {
	seen := map[*G.Node]bool{}
	for _, n := range slices.Concat(lists...) {
		if !seen[n] {
			seen[n] = true
			all = append(all, n)
		}
	}
	return all
}

func (vm *VM) compile() error {
	nodes := lower.Sorted(vm.outputs)
	vm.slices = map[*G.Node][3]int{}
	for _, n := range nodes {
		if t, ok := n.Type().(G.TensorType); ok && n.Op() == nil && t.Dims != len(n.Shape()) {
			return errors.Errorf("input %s has no shape; give it one with gorgonia.WithShape", n.Name())
		}
		if s, ok := sliceOf(n); ok {
			vm.slices[n] = s
		}
	}
	p, err := load(Config{Device: vm.config.device, Outputs: vm.outputs, Alike: vm.config.alike})
	if err != nil {
		return err
	}
	if vm.program != nil {
		if err := vm.program.Close(); err != nil {
			return err
		}
	}
	vm.program = p
	return nil
}

// sliceOf is what a slice or its derivative takes, which gorgonia.UnsafeLet may change from one run to the next.
func sliceOf(n *G.Node) (s [3]int, ok bool) {
	op, ok := n.Op().(interface{ IsSlice() tensor.Slice })
	if !ok {
		return s, false
	}
	if t := op.IsSlice(); t != nil {
		s = [3]int{t.Start(), t.End(), t.Step()}
	}
	return s, true
}

// RunAll runs the graph once, with the values that its inputs have now. An input without a value, or with one of
// another shape, is an error. If slices were changed since the last run, the graph is compiled again first.
func (vm *VM) RunAll() error {
	if vm.program == nil {
		return errors.New("the VM is closed")
	}
	for n, was := range vm.slices {
		if is, _ := sliceOf(n); is != was {
			if err := vm.compile(); err != nil {
				return errors.Wrap(err, "compiling the graph again for changed slices")
			}
			break
		}
	}
	for _, n := range vm.program.Inputs() {
		if err := lower.Guard(n, func() error { return vm.upload(n) }); err != nil {
			return err
		}
	}
	if err := vm.program.Run(); err != nil {
		return errors.Wrap(err, "running the graph")
	}
	if err := vm.bind(); err != nil {
		return err
	}
	return vm.watch()
}

func (vm *VM) upload(n *G.Node) error {
	v := n.Value()
	switch {
	case n.Op() != nil: // a constant, which was uploaded when the graph was compiled
		return nil
	case v == nil:
		return errors.Errorf("input %s has no value; bind one with gorgonia.Let before RunAll", lower.Describe(n))
	case !n.Shape().Eq(v.Shape()):
		return errors.Errorf("input %s has a value of shape %v; bind one of the input's shape",
			lower.Describe(n), []int(v.Shape()))
	}
	return vm.program.setValue(n, v)
}

// Reset does nothing: a run does not depend on the one before. It is there for Gorgonia's interface.
func (vm *VM) Reset() {}

// Close frees the device's memory. Closing twice is no error.
func (vm *VM) Close() error {
	if vm.program == nil {
		return nil
	}
	err := vm.program.Close()
	vm.program = nil
	return err
}

// Let is gorgonia.Let for a node of the graph: it gives an input a value.
func (vm *VM) Let(n *G.Node, be any) error {
	if n == nil || n.Graph() != vm.graph {
		return errors.Errorf("%s is not in the graph of the VM", lower.Describe(n))
	}
	return lower.Guard(n, func() error { return G.Let(n, be) })
}

// Set gives a copy of b's value to a, an input.
func (vm *VM) Set(a, b *G.Node) error {
	for _, n := range []*G.Node{a, b} {
		if n == nil || n.Graph() != vm.graph {
			return errors.Errorf("%s is not in the graph of the VM", lower.Describe(n))
		}
	}
	if b.Value() == nil {
		return errors.Errorf("%s has no value yet to set %s to; run the VM first", lower.Describe(b), lower.Describe(a))
	}
	v, err := G.CloneValue(b.Value())
	if err != nil {
		return err
	}
	if t, ok := v.(*tensor.Dense); ok && a.IsScalar() {
		if err := t.Reshape(); err != nil { // b may be a scalar whose value is a vector of one; see lower.Shown
			return err
		}
	}
	return G.UnsafeLet(a, v)
}

// Program is what the graph was compiled to. It belongs to the VM, which replaces it when slices are changed.
func (vm *VM) Program() *Program { return vm.program }

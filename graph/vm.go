package graph

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/lower"
	"github.com/unroll-ml/unroll/graph/tape"
)

// VM runs a whole graph behind Gorgonia's VM interface: where a program has gorgonia.NewTapeMachine, it can have NewVM.
//
// Each RunAll uploads the values that are bound to the graph's inputs then, as solvers change them in place; runs; and binds
// new values, which later runs do not touch, to
//
//   - the ends of the forward pass: nodes that no other node uses, or only a derivative, as it is with a cost;
//   - the derivatives of inputs, both where Node.Deriv finds them and where Node.Grad and solvers do. Each input has a copy of
//     its own there, since solvers compute in the memory of gradients; it is not added to that of the run before;
//   - the nodes given by WithOutputs.
//
// Other nodes get no value, unlike on Gorgonia's machine, because they have no memory that outlives their use. gorgonia.Read and
// gorgonia.Set are served after the run.
//
// Graphs in which Gorgonia has merged different nodes are refused; see lower.CheckMerged. A VM is not safe for use by several
// goroutines at once.
type VM struct {
	device     tape.Device
	outputs    G.Nodes // what gets a value
	alike      G.Nodes
	params     G.Nodes // inputs with a derivative
	statements []lower.Statement
	slices     map[*G.Node][3]int // the slices that were compiled
	program    *Program
}

var _ G.VM = (*VM)(nil)

// Option is a setting of NewVM.
type Option func(*vmConfig)

type vmConfig struct {
	device  tape.Device
	outputs G.Nodes
	eval    bool
	alike   G.Nodes
}

// WithDevice sets the device; the default is the CPU.
func WithDevice(d tape.Device) Option { return func(c *vmConfig) { c.device = d } }

// WithOutputs adds nodes that get a value in each run.
func WithOutputs(nodes ...*G.Node) Option {
	return func(c *vmConfig) { c.outputs = append(c.outputs, nodes...) }
}

// EvalMode lets ops that are different in training, such as Gorgonia's Dropout, compute as in evaluation. As on Gorgonia's machine
// the mode belongs to the ops of the graph: it is that of the VM that was made last.
func EvalMode() Option { return func(c *vmConfig) { c.eval = true } }

// Alike says of nodes that were asked for several times that it was in the same way each time, as of the two calls of
// SoftMax(x) where a model is built twice. Gorgonia makes one node of such calls and forgets whether they were alike: without
// this option a graph with such nodes is refused.
func Alike(nodes ...*G.Node) Option {
	return func(c *vmConfig) { c.alike = append(c.alike, nodes...) }
}

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
	vm := &VM{device: c.device, alike: c.alike, outputs: lower.Results(g)}
	for _, n := range c.outputs {
		if n == nil {
			return nil, errors.New("WithOutputs of a node that is nil")
		}
		if !slices.Contains(vm.outputs, n) {
			vm.outputs = append(vm.outputs, n)
		}
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
	p, err := Compile(Config{Device: vm.device, Outputs: vm.outputs, Alike: vm.alike})
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

// RunAll runs the graph once, with the values that its inputs have now. An input without a value, or with one of another shape,
// is an error. If slices were changed since the last run, the graph is compiled again first.
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
	return vm.bind()
}

func (vm *VM) upload(n *G.Node) error {
	v := n.Value()
	switch {
	case n.Op() != nil: // a constant, which was uploaded when the graph was compiled
		return nil
	case v == nil:
		return errors.Errorf("input %s has no value; bind one with gorgonia.Let before RunAll", lower.Describe(n))
	case !n.Shape().Eq(v.Shape()):
		return errors.Errorf("input %s has a value of shape %v; bind one of the input's shape", lower.Describe(n), []int(v.Shape()))
	}
	return vm.program.setValue(n, v)
}

// bind gives nodes their values.
func (vm *VM) bind() error {
	for _, n := range vm.outputs {
		if lower.Given(n) {
			continue // it has its value
		}
		err := lower.Guard(n, func() error {
			v, err := vm.value(n)
			if err != nil {
				return err
			}
			return G.UnsafeLet(n, v)
		})
		if err != nil {
			return errors.Wrapf(err, "binding the value of %s", lower.Describe(n))
		}
	}
	for _, n := range vm.params {
		if err := lower.Guard(n, func() error { return vm.bindGradient(n) }); err != nil {
			return errors.Wrapf(err, "binding the gradient of %s", lower.Describe(n))
		}
	}
	for _, s := range vm.statements {
		if err := lower.Guard(s.From, func() error { return vm.state(s) }); err != nil {
			return errors.Wrapf(err, "the statement on %s", lower.Describe(s.From))
		}
	}
	return nil
}

// value is a new copy of a node's value.
func (vm *VM) value(n *G.Node) (G.Value, error) {
	t, err := lower.TypeOf(n)
	if err != nil {
		return nil, err
	}
	data := lower.Zeros(t)
	if err := vm.program.Get(n, data); err != nil {
		return nil, err
	}
	return lower.WrapAs(data, t.Shape, n.Dtype())
}

// bindGradient gives an input its gradient. Gorgonia wants it in the form of the input's value.
func (vm *VM) bindGradient(n *G.Node) error {
	grad, err := vm.value(n.Deriv())
	if err != nil {
		return err
	}
	value, ok := n.Value().(tensor.Tensor)
	if n.Value() == nil || grad.Size() != n.Value().Size() {
		return errors.Errorf("the input's value %v and its gradient of shape %v do not fit", n.Value(), []int(grad.Shape()))
	}
	switch {
	case ok && len(value.Shape()) == 0:
		grad = tensor.New(tensor.FromScalar(grad.Data()))
	case ok:
		grad = tensor.New(tensor.WithShape(value.Shape().Clone()...), tensor.WithBacking(grad.Data()))
	}
	G.WithGrad(grad)(n)
	return nil
}

func (vm *VM) state(s lower.Statement) error {
	v, err := vm.value(s.From)
	switch {
	case err != nil:
		return err
	case s.To != nil:
		return G.UnsafeLet(s.To, v)
	case holds(*s.Into, v): // keep the value that the user may hold
		_, err := G.Copy(*s.Into, v)
		return err
	}
	*s.Into = v
	return nil
}

// holds reports whether gorgonia.Copy can put v into old: the shapes are one, and it copies memory as it lies.
func holds(old, v G.Value) bool {
	t, ok := old.(*tensor.Dense)
	return old != nil && old.Shape().Eq(v.Shape()) && (!ok || t.DataOrder().IsRowMajor())
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

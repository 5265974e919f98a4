package graph

import (
	"log"
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/lower"
)

// bind gives nodes their values.
func (vm *VM) bind() error {
	for i, n := range vm.outputs {
		if lower.Given(n) {
			continue // it has its value
		}
		err := lower.Guard(n, func() error {
			if i >= vm.results && vm.overwrite(n) {
				return nil
			}
			v, err := vm.shown(n)
			if err != nil {
				return err
			}
			vm.kept[n] = v
			return let(n, v)
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

// overwrite writes the value of an inner node over that of the run before, if it is still there.
func (vm *VM) overwrite(n *G.Node) bool {
	t, ok := vm.kept[n].(*tensor.Dense)
	if !ok || n.Value() != G.Value(t) || len(t.Shape()) == 0 {
		return false
	}
	switch t.Dtype() {
	case tensor.Float32, tensor.Float64, tensor.Int32:
		return vm.program.Get(n, t.Data()) == nil
	}
	return false
}

// let gives a node a value, which keeps its shape; gorgonia.UnsafeLet takes only those of the node's. See lower.Shown.
func let(n *G.Node, v G.Value) error {
	t, ok := v.(*tensor.Dense)
	if !ok || t.Shape().Eq(n.Shape()) {
		return G.UnsafeLet(n, v)
	}
	shape := t.Shape().Clone()
	if err := t.Reshape(n.Shape()...); err != nil {
		return err
	}
	if err := G.UnsafeLet(n, t); err != nil {
		return err
	}
	return t.Reshape(shape...)
}

// value is a new copy of a node's value, in the node's shape.
func (vm *VM) value(n *G.Node) (G.Value, error) { return vm.copyAs(n, ir.Shape(n.Shape())) }

// shown is a new copy of a node's value, in the shape in which Gorgonia shows it.
func (vm *VM) shown(n *G.Node) (G.Value, error) {
	return vm.copyAs(n, lower.Shown(n, ir.Shape(n.Shape())))
}

func (vm *VM) copyAs(n *G.Node, shape ir.Shape) (G.Value, error) {
	t, err := lower.TypeOf(n)
	if err != nil {
		return nil, err
	}
	data := lower.Zeros(t)
	if err := vm.program.Get(n, data); err != nil {
		return nil, err
	}
	return lower.WrapAs(data, shape, n.Dtype())
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
	if s.To != nil {
		v, err := vm.value(s.From)
		if err != nil {
			return err
		}
		return G.UnsafeLet(s.To, v)
	}
	v, err := vm.shown(s.From)
	switch {
	case err != nil:
		return err
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

// watch logs the values that are watched, and looks for those that are not finite, in the order in which nodes are
// computed.
func (vm *VM) watch() error {
	c := vm.config
	logger, format := c.logger, c.format
	if logger == nil {
		logger = log.Default()
	}
	if format == "" {
		format = "%3.3f"
	}
	for _, n := range c.watched {
		logger.Printf("%s = "+format, lower.Describe(n), n.Value())
	}
	if !c.nan && !c.inf {
		return nil
	}
	for _, n := range lower.Sorted(vm.outputs) {
		if n.Value() == nil {
			continue
		}
		data, err := lower.Flatten(n.Value())
		if err != nil {
			return errors.Wrap(err, lower.Describe(n))
		}
		if i, x, found := c.odd(data); found {
			return errors.Errorf("the value of %s is %v at position %d", lower.Describe(n), x, i)
		}
	}
	return nil
}

// odd finds the first number that is watched for.
func (c vmConfig) odd(data any) (i int, x float64, found bool) {
	is := func(x float64) bool { return c.nan && math.IsNaN(x) || c.inf && math.IsInf(x, 0) }
	switch xs := data.(type) {
	case []float64:
		for i, x := range xs {
			if is(x) {
				return i, x, true
			}
		}
	case []float32:
		for i, x := range xs {
			if is(float64(x)) {
				return i, float64(x), true
			}
		}
	}
	return 0, 0, false
}

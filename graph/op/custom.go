package op

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/lower"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Custom is an operation of your own. What it computes is given in one of two ways, and its derivative beside it.
// Where the derivative that the composition has anyway is good enough, a plain function of a Builder does; a Custom
// is for another, such as one that costs less or does not overflow, and for what no composition can compute.
type Custom struct {
	Name string // for dumps and errors

	// Compose computes the operation from others, which run on every device. It may use nothing but its inputs; what
	// does not fit it says with b.Fail.
	Compose func(b *Builder, in []*G.Node) *G.Node

	// Host computes it in Go, on the host, whatever the device: slow on a GPU, because the inputs come down and the
	// result goes up. It must be a pure function: out.Data, which is all zeros, from in, which it must not change. At
	// least one input is of a floating-point type, and the result is of that type.
	Host func(out Array, in []Array) error

	// Shape is the shape of what Host computes, from those of its inputs; nil: that of the first.
	Shape func(in [][]int) ([]int, error)

	// Gradient gives for each input the gradient of a scalar with respect to it, when that with respect to out is
	// grad. nil for an input is zero; inputs of integers have none. Without Gradient the operation has no derivative.
	Gradient func(b *Builder, in []*G.Node, out, grad *G.Node) []*G.Node
}

// Array is a value on the host.
type Array struct {
	Shape []int
	Data  []float64 // row-major; numbers of the other types are converted
}

// Custom applies an operation of your own.
func (b *Builder) Custom(c Custom, in ...*G.Node) *G.Node {
	if c.Name == "" {
		c.Name = "Custom"
	}
	if !b.usable(c.Name, in...) {
		return b.broken()
	}
	r, err := b.ruleOf(c, in)
	if err != nil {
		return b.fail(errors.Wrapf(err, "%s of %s", c.Name, describe(in)))
	}
	return b.apply(r, in...)
}

func (b *Builder) ruleOf(c Custom, in []*G.Node) (rule, error) {
	switch {
	case (c.Compose == nil) == (c.Host == nil):
		return nil, errors.New("needs either Compose or Host")
	case c.Compose != nil && c.Shape != nil:
		return nil, errors.New("has Shape, which is for Host: that of Compose is what it composes")
	case len(in) == 0:
		return nil, errors.New("needs an input")
	case c.Compose != nil:
		return b.compose(c, in)
	}
	return hosted{custom{c}, lower.NewHostID()}, nil
}

// custom is what both kinds of rules have in common.
type custom struct{ Custom }

func (o custom) String() string          { return o.Name }
func (o custom) Differentiable(int) bool { return o.Gradient != nil }

// Diff holds Gradient to what it promises.
func (o custom) Diff(b *Builder, in []*G.Node, out, g *G.Node) []*G.Node {
	ds := o.Gradient(b, in, out, g)
	if b.err == nil && len(ds) != len(in) {
		b.fail(errors.Errorf("%s has %d gradients for %d inputs", o.Name, len(ds), len(in)))
	}
	if b.err != nil {
		return make([]*G.Node, len(in))
	}
	ds = slices.Clone(ds)
	for i, x := range in {
		switch {
		case x.Dtype() == tensor.Int32:
			ds[i] = nil
		case ds[i] == nil:
			ds[i] = b.Fill(x, 0, x.Shape()...)
		case !slices.Equal(ds[i].Shape(), x.Shape()):
			b.fail(errors.Errorf("the gradient of %s for %s has shape %v", o.Name, lower.Describe(x), []int(ds[i].Shape())))
		}
	}
	return ds
}

// composed is a Custom made of other operations: a graph of its own, which is put in its place when the graph around
// it is compiled.
type composed struct {
	custom
	params []*G.Node // inputs of the graph
	result *G.Node
	out    ir.Type
}

// compose records the composition.
func (b *Builder) compose(c Custom, in []*G.Node) (rule, error) {
	o := composed{custom: custom{c}}
	inner := &Builder{g: G.NewGraph(), outer: b}
	for i, x := range in {
		t, err := lower.TypeOf(x)
		if err != nil {
			return nil, err
		}
		o.params = append(o.params, inner.input("in", i, x.Name(), t))
	}
	o.result = inner.Identity(c.Compose(inner, slices.Clone(o.params)))
	if inner.err != nil {
		return nil, inner.err
	}
	if len(inner.captured) > 0 {
		return nil, errors.Errorf("uses %s, which is not among its inputs", lower.Describe(inner.captured[0]))
	}
	var err error
	o.out, err = lower.TypeOf(o.result)
	return o, err
}

func (o composed) Type([]ir.Type) (ir.Type, error) { return o.out, nil }

// Lower puts the composition in the place of the node.
func (o composed) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	f, err := lower.Func(b.Float, o.params, G.Nodes{o.result})
	if err != nil {
		return b.Fail(err)
	}
	return f.Apply(in...)[0]
}

// hosted is a Custom that is computed in Go.
type hosted struct {
	custom
	id int // of the function
}

// Type asks Shape.
func (o hosted) Type(in []ir.Type) (ir.Type, error) {
	out := ir.Type{Dtype: tape.Int32}
	shapes := make([][]int, len(in))
	for i, t := range in {
		shapes[i] = slices.Clone(t.Shape)
		switch {
		case out.Dtype == tape.Int32:
			out.Dtype = t.Dtype
		case t.Dtype != tape.Int32 && t.Dtype != out.Dtype:
			return ir.Type{}, errors.Errorf("element types %v and %v differ", out.Dtype, t.Dtype)
		}
	}
	if out.Dtype == tape.Int32 {
		return ir.Type{}, errors.New("needs a floating-point input")
	}
	if o.Shape == nil {
		out.Shape = shapes[0]
		return out, nil
	}
	shape, err := o.Shape(shapes)
	if err != nil {
		return ir.Type{}, err
	}
	out.Shape = slices.Clone(shape)
	return out, positive(out.Shape)
}

// Lower is one call of the function.
func (o hosted) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	types := make([]ir.Type, len(in))
	for i, x := range in {
		types[i] = x.Type
	}
	out, err := o.Type(types)
	if err != nil {
		return b.Fail(err)
	}
	call := func(to, from []any) error { return o.call(out, types, to[0], from) }
	return b.New(&ir.Host{Name: o.Name, ID: o.id, Of: out, Fn: call}, in...)
}

// call gives the function its arguments in float64, and takes its result.
func (o hosted) call(out ir.Type, types []ir.Type, to any, from []any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.Errorf("%s: panic: %v", o.Name, p)
		}
	}()
	in := make([]Array, len(from))
	for i, data := range from {
		in[i] = Array{slices.Clone(types[i].Shape), widened(data)}
	}
	y := Array{slices.Clone(out.Shape), make([]float64, out.Shape.Size())}
	if err := o.Host(y, in); err != nil {
		return errors.Wrap(err, o.Name)
	}
	switch to := to.(type) {
	case []float32:
		for i := range to {
			to[i] = float32(y.Data[i])
		}
	case []float64:
		copy(to, y.Data)
	}
	return nil
}

// widened is a copy of a slice of numbers.
func widened(data any) []float64 {
	switch xs := data.(type) {
	case []float32:
		return convert(xs)
	case []int32:
		return convert(xs)
	}
	return slices.Clone(data.([]float64))
}

func convert[T float32 | int32](xs []T) []float64 {
	ys := make([]float64, len(xs))
	for i, x := range xs {
		ys[i] = float64(x)
	}
	return ys
}

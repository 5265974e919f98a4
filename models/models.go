// Package models declares recurrent models as Gorgonia graphs, in equations close to those of their papers.
//
// A model declares its parameters once and can then be applied to inputs of any shape, several times in one
// graph. Parameters have PyTorch's names, layouts and initial distributions, so that weights can be moved. The
// package decides neither how a model is trained (package trainer), nor how it is computed (package graph), nor
// how tokens are chosen from its predictions (package decode).
package models

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// SettingError says that a setting has a value that it cannot have: the name of the field Setting, such as "Hidden", its
// Value, nil if it was not set, and what it must be, Want, such as "at least 1". So do the errors of packages optim,
// trainer and decode; errors.As finds it.
type SettingError = setting.Error

// Params declares the parameters of a model and draws their initial values. A mistake, such as two parameters of one
// name, becomes the error of the builder, which the constructors of models give.
type Params struct {
	*declared
	prefix, layer string // of names: see Scope
}

// declared is what all scopes of a model have in common.
type declared struct {
	b     *op.Builder
	dtype tensor.Dtype
	rand  *rand.Rand // nil: no initial values
	nodes G.Nodes
	names map[string]bool
}

// NewParams declares parameters in the graph of b, of type float32 or float64. Equal seeds draw equal values.
func NewParams(b *op.Builder, dtype tensor.Dtype, seed uint64) *Params {
	p := DeclareParams(b, dtype)
	p.rand = rand.New(rand.NewPCG(seed, 0x756e726f6c6c))
	return p
}

// DeclareParams is NewParams without initial values, for a model whose weights come from elsewhere, or that is only
// counted.
func DeclareParams(b *op.Builder, dtype tensor.Dtype) *Params {
	if b == nil {
		b = op.New(nil) // whose error says so
	}
	if dtype != tensor.Float32 && dtype != tensor.Float64 {
		b.Fail(errors.Errorf("parameters of type %v: they are float32 or float64", dtype))
	}
	return &Params{declared: &declared{b: b, dtype: dtype, names: map[string]bool{}}}
}

// Scope declares parameters of the same model with names that begin with name and a dot.
func (p *Params) Scope(name string) *Params {
	scope := *p
	scope.prefix += name + "."
	return &scope
}

// ofLayer is the scope of a layer in a stack, such as l0 or l0_reverse: as PyTorch has it, the layer follows the
// first word of a name, so that weight_ih becomes weight_ih_l0 and norm.weight becomes norm_l0.weight.
func (p *Params) ofLayer(layer string) *Params {
	scope := *p
	scope.layer = "_" + layer
	return &scope
}

// name is the whole name of a parameter.
func (p *Params) name(name string) string {
	word, rest, more := strings.Cut(name, ".")
	if more {
		rest = "." + rest
	}
	return p.prefix + word + p.layer + rest
}

// Nodes are all parameters of the model, whatever their scope, in the order of their declaration.
func (p *Params) Nodes() G.Nodes { return p.nodes }

// usable says whether parameters can be declared.
func (p *Params) usable() error {
	if p == nil {
		return setting.Set("Params", false, "made by NewParams or DeclareParams")
	}
	return p.b.Err()
}

// Count is the number of weights: the elements of all parameters together.
func (p *Params) Count() int {
	n := 0
	for _, w := range p.nodes {
		n += w.Shape().TotalSize()
	}
	return n
}

// Uniform declares a parameter drawn from U(-bound, bound).
func (p *Params) Uniform(name string, bound float64, shape ...int) *G.Node {
	return p.declare(name, shape, func() float64 { return (2*p.rand.Float64() - 1) * bound })
}

// Normal declares a parameter drawn from N(0, deviation²).
func (p *Params) Normal(name string, deviation float64, shape ...int) *G.Node {
	return p.declare(name, shape, func() float64 { return p.rand.NormFloat64() * deviation })
}

// Constant declares a parameter whose elements are all x at first.
func (p *Params) Constant(name string, x float64, shape ...int) *G.Node {
	return p.declare(name, shape, func() float64 { return x })
}

// shift adds x to the initial values of elements from, ..., to-1.
func (p *Params) shift(n *G.Node, from, to int, x float64) {
	if p.rand == nil || p.b.Err() != nil {
		return
	}
	switch data := n.Value().Data().(type) {
	case []float32:
		for i := range data[from:to] {
			data[from+i] += float32(x)
		}
	case []float64:
		for i := range data[from:to] {
			data[from+i] += x
		}
	}
}

// check says what is wrong with a parameter that is to be declared.
func (p *Params) check(name string, shape []int) error {
	switch {
	case p.b.Err() != nil:
		return p.b.Err()
	case name == "":
		return errors.Errorf("a parameter of shape %v has no name", shape)
	case p.names[p.name(name)]:
		return errors.Errorf("two parameters are named %s: see Params.Scope", p.name(name))
	case len(shape) == 0 || slices.Min(shape) < 1:
		return errors.Errorf("the parameter %s has shape %v: it needs dimensions of at least 1", p.name(name), shape)
	}
	return nil
}

func (p *Params) declare(name string, shape []int, draw func() float64) *G.Node {
	if err := p.check(name, shape); err != nil {
		return p.b.Fail(err)
	}
	name = p.name(name)
	p.names[name] = true
	n := G.NewTensor(p.b.Graph(), p.dtype, len(shape), G.WithShape(shape...), G.WithName(name))
	p.nodes = append(p.nodes, n)
	if p.rand == nil {
		return n
	}
	v := tensor.New(tensor.Of(p.dtype), tensor.WithShape(shape...))
	switch data := v.Data().(type) {
	case []float32:
		for i := range data {
			data[i] = float32(draw())
		}
	case []float64:
		for i := range data {
			data[i] = draw()
		}
	}
	G.WithValue(v)(n)
	return n
}

// Linear is y = x·Wᵀ + b, with W out×in, initially U(±1/√in) like PyTorch's nn.Linear.
type Linear struct{ Weight, Bias *G.Node }

// NewLinear declares the parameters name.weight, out×in, and name.bias, out.
func NewLinear(p *Params, name string, in, out int) *Linear {
	bound := 1 / math.Sqrt(float64(in))
	return &Linear{p.Uniform(name+".weight", bound, out, in), p.Uniform(name+".bias", bound, out)}
}

// Apply gives ...×out for x, ...×in.
func (l *Linear) Apply(b *op.Builder, x *G.Node) *G.Node {
	return b.Add(b.Product(x, l.Weight, op.TransY), l.Bias)
}

// Package models declares recurrent models as Gorgonia graphs, in equations close to those of their papers.
//
// A model declares its parameters once and can then be applied to inputs of any shape, several times in one graph. Parameters have
// PyTorch's names, layouts and initial distributions, so that weights can be moved. The package decides neither how a model is
// trained (package trainer), nor how it is computed (package graph), nor how tokens are chosen from its predictions (package decode).
package models

import (
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
)

// Params declares the parameters of a model and draws their initial values.
type Params struct {
	b     *op.Builder
	dtype tensor.Dtype
	rand  *rand.Rand
	nodes G.Nodes
}

// NewParams declares parameters in the graph of b, of type float32 or float64. Equal seeds draw equal values.
func NewParams(b *op.Builder, dtype tensor.Dtype, seed uint64) *Params {
	return &Params{b: b, dtype: dtype, rand: rand.New(rand.NewPCG(seed, 0x756e726f6c6c))}
}

// DeclareParams is NewParams without initial values, for a model whose weights come from elsewhere.
func DeclareParams(b *op.Builder, dtype tensor.Dtype) *Params { return &Params{b: b, dtype: dtype} }

// Nodes are all parameters, in the order of their declaration.
func (p *Params) Nodes() G.Nodes { return p.nodes }

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
	if p.rand == nil {
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

func (p *Params) declare(name string, shape []int, draw func() float64) *G.Node {
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

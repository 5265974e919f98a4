package models

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
)

// LayerNorm is layer normalisation (Ba et al., 2016) over the last axis:
//
//	y = norm(x) ⊙ γ + β    with norm(x) = (x - mean(x)) / √(var(x) + 1e-5)
//
// γ is 1 and β is 0 at first.
type LayerNorm struct{ Weight, Bias *G.Node }

// NewLayerNorm declares the parameters name.weight and name.bias for vectors of length n.
func NewLayerNorm(p *Params, name string, n int) *LayerNorm {
	return &LayerNorm{p.Constant(name+".weight", 1, n), p.Constant(name+".bias", 0, n)}
}

// Apply normalises x, ...×n.
func (l *LayerNorm) Apply(b *op.Builder, x *G.Node) *G.Node {
	return b.Add(b.Mul(normalised(b, x), l.Weight), l.Bias)
}

// normalised is x with mean 0 and variance 1 along the last axis.
func normalised(b *op.Builder, x *G.Node) *G.Node {
	x = b.Sub(x, b.Expand(b.Mean(x, -1), -1))
	variance := b.Expand(b.Mean(b.Square(x), -1), -1)
	return b.Div(x, b.Sqrt(b.Affine(variance, 1, 1e-5)))
}

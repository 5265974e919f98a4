package models

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
)

// GRU is the gated recurrent unit (Cho et al., 2014), with the reset gate after the product, as PyTorch's
// nn.GRU has it:
//
//	[r z n]ₓ = x·W_ihᵀ + b_ih
//	[r z n]ₕ = h·W_hhᵀ + b_hh
//	r  = σ(rₓ + rₕ)
//	z  = σ(zₓ + zₕ)
//	n  = tanh(nₓ + r ⊙ nₕ)
//	h' = (1-z) ⊙ n + z ⊙ h
type GRU struct{ Gates }

// States: h.
func (*GRU) States() int { return 1 }

// Step implements Cell.
func (c *GRU) Step(b *op.Builder, x *G.Node, states []*G.Node) []*G.Node {
	if !fitting(b, c, x, states) {
		return unfit(b, c)
	}
	h := states[0]
	zx, zh := b.Split(c.input(b, x), 1, 3), b.Split(c.hidden(b, h), 1, 3)
	r := b.Sigmoid(b.Add(zx[0], zh[0]))
	z := b.Sigmoid(b.Add(zx[1], zh[1]))
	n := b.Tanh(b.Add(zx[2], b.Mul(r, zh[2])))
	return []*G.Node{b.Add(b.Mul(b.Affine(z, -1, 1), n), b.Mul(z, h))}
}

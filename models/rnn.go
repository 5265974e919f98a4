package models

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
)

// RNN is the vanilla recurrent network (Elman, 1990), as PyTorch's nn.RNN has it:
//
//	h' = tanh(x·W_ihᵀ + b_ih + h·W_hhᵀ + b_hh)
//
// or with max(0, ·) in place of tanh (Le et al., 2015).
type RNN struct {
	Gates
	ReLU bool
}

// States: h.
func (*RNN) States() int { return 1 }

// Step implements Cell.
func (c *RNN) Step(b *op.Builder, x *G.Node, states []*G.Node) []*G.Node {
	if !fitting(b, c, x, states) {
		return unfit(b, c)
	}
	h := states[0]
	z := b.Add(c.input(b, x), c.hidden(b, h))
	if c.ReLU {
		return []*G.Node{b.ReLU(z)}
	}
	return []*G.Node{b.Tanh(z)}
}

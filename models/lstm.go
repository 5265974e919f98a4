package models

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
)

// LSTM is the cell of Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000), as
// PyTorch's nn.LSTM has it:
//
//	[i f g o] = x·W_ihᵀ + b_ih + h·W_hhᵀ + b_hh
//	c' = σ(f) ⊙ c + σ(i) ⊙ tanh(g)
//	h' = σ(o) ⊙ tanh(c')
//
// With peepholes (Gers and Schmidhuber, 2000) the gates see the cell state: σ(i + p_i ⊙ c), σ(f + p_f ⊙ c), σ(o
// + p_o ⊙ c'). With layer normalisation (Ba et al., 2016, equations 20 to 22) the two products are normalised,
// and so is c' in tanh(c').
type LSTM struct {
	Gates
	Peephole *G.Node    // 3·H: p_i, p_f, p_o; nil: none
	NormC    *LayerNorm // nil: none
}

// States: h and c.
func (*LSTM) States() int { return 2 }

// Step implements Cell.
func (cell *LSTM) Step(b *op.Builder, x *G.Node, states []*G.Node) []*G.Node {
	if !fitting(b, cell, x, states) {
		return unfit(b, cell)
	}
	h, c := states[0], states[1]
	z := b.Split(b.Add(cell.input(b, x), cell.hidden(b, h)), 1, 4)
	peep := func(z *G.Node, k int, c *G.Node) *G.Node {
		if cell.Peephole == nil {
			return z
		}
		return b.Add(z, b.Mul(b.Split(cell.Peephole, 0, 3)[k], c))
	}
	i, f, g := b.Sigmoid(peep(z[0], 0, c)), b.Sigmoid(peep(z[1], 1, c)), b.Tanh(z[2])
	c = b.Add(b.Mul(f, c), b.Mul(i, g))
	o := b.Sigmoid(peep(z[3], 2, c))
	y := c
	if cell.NormC != nil {
		y = cell.NormC.Apply(b, c)
	}
	return []*G.Node{b.Mul(o, b.Tanh(y)), c}
}

package models

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
)

// LSTM is the cell of Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000), as PyTorch's nn.LSTM has it:
//
//	[i f g o] = x·W_ihᵀ + b_ih + h·W_hhᵀ + b_hh
//	c' = σ(f) ⊙ c + σ(i) ⊙ tanh(g)
//	h' = σ(o) ⊙ tanh(c')
type LSTM struct{ Gates }

// States: h and c.
func (*LSTM) States() int { return 2 }

// Step implements Cell.
func (cell *LSTM) Step(b *op.Builder, x *G.Node, states []*G.Node) []*G.Node {
	h, c := states[0], states[1]
	z := b.Split(b.Add(cell.input(b, x), cell.hidden(b, h)), 1, 4)
	i, f, g, o := b.Sigmoid(z[0]), b.Sigmoid(z[1]), b.Tanh(z[2]), b.Sigmoid(z[3])
	c = b.Add(b.Mul(f, c), b.Mul(i, g))
	h = b.Mul(o, b.Tanh(c))
	return []*G.Node{h, c}
}

package models

import (
	"math"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
)

// RNN is a layer of the vanilla recurrent network (Elman, 1990), as PyTorch's nn.RNN has it:
//
//	h' = tanh(x·W_ihᵀ + b_ih + h·W_hhᵀ + b_hh)
//
// x is B×I, h is B×H, W_ih is H×I, W_hh is H×H, b_ih and b_hh are H; all initially U(±1/√H).
type RNN struct {
	Name     string
	Hidden   int
	Wih, Whh *G.Node
	Bih, Bhh *G.Node
}

// NewRNN declares the parameters name.weight_ih_lN and so on, for layer N.
func NewRNN(p *Params, name string, layer, in, hidden int) *RNN {
	bound := 1 / math.Sqrt(float64(hidden))
	return &RNN{
		Name:   layerName(name, "rnn", layer),
		Hidden: hidden,
		Wih:    p.Uniform(layerName(name, "weight_ih", layer), bound, hidden, in),
		Whh:    p.Uniform(layerName(name, "weight_hh", layer), bound, hidden, hidden),
		Bih:    p.Uniform(layerName(name, "bias_ih", layer), bound, hidden),
		Bhh:    p.Uniform(layerName(name, "bias_hh", layer), bound, hidden),
	}
}

// step is the equation; xw is x·W_ihᵀ, B×H.
func (r *RNN) step(b *op.Builder, xw, h *G.Node) *G.Node {
	return b.Tanh(b.Add(b.Add(xw, r.Bih), b.Add(b.Product(h, r.Whh, op.TransY), r.Bhh)))
}

// Apply runs the layer over xs, T×B×I, from the state h, B×H. It gives the states after every step, T×B×H, and the last one. If xs
// are tokens, T×B integers, they stand for one-hot vectors, whose product with W_ihᵀ is a row of it.
func (r *RNN) Apply(b *op.Builder, xs, h *G.Node) (hs, last *G.Node) {
	scan := op.Scan{Name: r.Name, Seqs: []*G.Node{xs}, States: []*G.Node{h}}
	tokens := xs.Dims() == 2
	run := b.Scan(scan, func(b *op.Builder, in op.In) op.Out {
		x, h := in.Seqs[0], in.States[0]
		if tokens {
			x = b.Gather(b.Transpose(r.Wih, 1, 0), x) // B×H
		} else {
			x = b.Product(x, r.Wih, op.TransY) // B×H
		}
		return op.Out{States: []*G.Node{r.step(b, x, h)}}
	})
	return run.States[0], run.Final[0]
}

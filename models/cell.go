package models

import (
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
)

// Cell is one time step of a recurrent layer, as equations.
type Cell interface {
	// Step gives the new states, B×H each; the first is the layer's output. x is B×I, or B integers: tokens, which stand for
	// one-hot vectors of length I.
	Step(b *op.Builder, x *G.Node, states []*G.Node) []*G.Node

	// States is the number of states.
	States() int
}

// Cells are the kinds of cells that NewCell makes.
var Cells = []string{"rnn", "gru", "lstm"}

// NewCell declares the parameters of a cell of the given kind, name.weight_ih_lN and so on for layer N, as PyTorch's modules of that
// name have them: with G gates, W_ih is G·H×I, W_hh is G·H×H, b_ih and b_hh are G·H, all initially U(±1/√H).
func NewCell(p *Params, kind, name string, layer, in, hidden int) (Cell, error) {
	make := map[string]struct {
		gates int
		cell  func(Gates) Cell
	}{
		"rnn":  {1, func(g Gates) Cell { return &RNN{g} }},
		"gru":  {3, func(g Gates) Cell { return &GRU{g} }},
		"lstm": {4, func(g Gates) Cell { return &LSTM{g} }},
	}
	m, ok := make[kind]
	if !ok {
		return nil, errors.Errorf("there is no cell %q; the cells are %v", kind, Cells)
	}
	bound := 1 / math.Sqrt(float64(hidden))
	rows := m.gates * hidden
	return m.cell(Gates{
		Wih: p.Uniform(layerName(name, "weight_ih", layer), bound, rows, in),
		Whh: p.Uniform(layerName(name, "weight_hh", layer), bound, rows, hidden),
		Bih: p.Uniform(layerName(name, "bias_ih", layer), bound, rows),
		Bhh: p.Uniform(layerName(name, "bias_hh", layer), bound, rows),
	}), nil
}

// Gates are the parameters of a cell whose gates see the input and the output of the step before, one gate below the other.
type Gates struct{ Wih, Whh, Bih, Bhh *G.Node }

// input is x·W_ihᵀ + b_ih, B×G·H. The product of a one-hot vector with W_ihᵀ is a row of it.
func (g *Gates) input(b *op.Builder, x *G.Node) *G.Node {
	if x.Dtype() == tensor.Int32 {
		return b.Add(b.Gather(b.Transpose(g.Wih, 1, 0), x), g.Bih)
	}
	return b.Add(b.Product(x, g.Wih, op.TransY), g.Bih)
}

// hidden is h·W_hhᵀ + b_hh, B×G·H.
func (g *Gates) hidden(b *op.Builder, h *G.Node) *G.Node {
	return b.Add(b.Product(h, g.Whh, op.TransY), g.Bhh)
}

// Layer runs a cell over xs, T×B×I or T×B tokens, from the given states. It gives the outputs of all steps, T×B×H, and the last
// states. With a mask, T×B, a sequence whose mask is 0 stands still.
func Layer(b *op.Builder, name string, cell Cell, xs *G.Node, states []*G.Node, mask *G.Node, reverse bool) (hs *G.Node, last []*G.Node) {
	scan := op.Scan{Name: name, Seqs: []*G.Node{xs}, States: states, Mask: mask, Reverse: reverse}
	run := b.Scan(scan, func(b *op.Builder, in op.In) op.Out {
		return op.Out{States: cell.Step(b, in.Seqs[0], in.States)}
	})
	return run.States[0], run.Final
}

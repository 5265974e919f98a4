package models

import (
	"math"
	"slices"

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

// CellConfig describes a cell. Where it is zero the cell is PyTorch's.
type CellConfig struct {
	Kind       string  // one of Cells
	Activation string  // of an rnn: one of Activations; "" is tanh
	NoBias     bool    // without b_ih and b_hh
	ForgetBias float64 // of an lstm: added to the initial forget bias; 1 is usual (Jozefowicz et al., 2015)
	Peepholes  bool    // of an lstm: the gates see the cell state
	LayerNorm  bool    // of an lstm: layer normalisation
}

// Cells are the kinds of cells that NewCell makes.
var Cells = []string{"rnn", "gru", "lstm"}

// Activations are the nonlinearities of the vanilla RNN.
var Activations = []string{"tanh", "relu"}

// check says what is wrong with the configuration.
func (c CellConfig) check() error {
	switch {
	case !slices.Contains(Cells, c.Kind):
		return errors.Errorf("there is no cell %q; the cells are %v", c.Kind, Cells)
	case c.Activation != "" && !slices.Contains(Activations, c.Activation):
		return errors.Errorf("there is no activation %q; the activations are %v", c.Activation, Activations)
	case c.Activation != "" && c.Kind != "rnn":
		return errors.Errorf("the activation %s is for the cell rnn; %s has its own", c.Activation, c.Kind)
	case c.Kind != "lstm" && (c.ForgetBias != 0 || c.Peepholes || c.LayerNorm):
		return errors.Errorf("forget bias, peepholes and layer normalisation are for the cell lstm, not %s", c.Kind)
	case c.ForgetBias != 0 && c.NoBias:
		return errors.Errorf("a forget bias of %g needs a cell with bias", c.ForgetBias)
	}
	return nil
}

// NewCell declares the parameters of a cell, name.weight_ih_layer and so on, as PyTorch's modules have them: with G gates, W_ih is
// G·H×I, W_hh is G·H×H, b_ih and b_hh are G·H, all initially U(±1/√H). PyTorch's names of layers are l0, l1, ..., and l0_reverse, ...
// for the other direction.
func NewCell(p *Params, c CellConfig, name, layer string, in, hidden int) (Cell, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	gates := map[string]int{"rnn": 1, "gru": 3, "lstm": 4}[c.Kind]
	bound := 1 / math.Sqrt(float64(hidden))
	rows := gates * hidden
	declare := func(what string, shape ...int) *G.Node {
		return p.Uniform(name+"."+what+"_"+layer, bound, shape...)
	}
	g := Gates{Wih: declare("weight_ih", rows, in), Whh: declare("weight_hh", rows, hidden)}
	if !c.NoBias {
		g.Bih, g.Bhh = declare("bias_ih", rows), declare("bias_hh", rows)
	}
	switch c.Kind {
	case "rnn":
		return &RNN{Gates: g, ReLU: c.Activation == "relu"}, nil
	case "gru":
		return &GRU{g}, nil
	}
	cell := &LSTM{Gates: g}
	if c.ForgetBias != 0 {
		p.shift(g.Bih, hidden, 2*hidden, c.ForgetBias)
	}
	if c.Peepholes {
		cell.Peephole = declare("peephole", 3*hidden)
	}
	if c.LayerNorm {
		cell.NormIh = p.Constant(name+".norm_ih_"+layer, 1, rows)
		cell.NormHh = p.Constant(name+".norm_hh_"+layer, 1, rows)
		cell.NormC = NewLayerNorm(p, name+".norm_c_"+layer, hidden)
	}
	return cell, nil
}

// Gates are the parameters of a cell whose gates see the input and the output of the step before, one gate below the other.
type Gates struct {
	Wih, Whh       *G.Node
	Bih, Bhh       *G.Node // nil: none
	NormIh, NormHh *G.Node // the gains γ of layer normalisation, G·H, whose biases are b_ih and b_hh; nil: none
}

// input is x·W_ihᵀ + b_ih, B×G·H, with layer normalisation norm(x·W_ihᵀ) ⊙ γ_ih + b_ih. The product of a one-hot vector with W_ihᵀ
// is a row of it.
func (g *Gates) input(b *op.Builder, x *G.Node) *G.Node {
	if x.Dtype() == tensor.Int32 {
		return scaled(b, b.Gather(b.Transpose(g.Wih, 1, 0), x), g.NormIh, g.Bih)
	}
	return scaled(b, b.Product(x, g.Wih, op.TransY), g.NormIh, g.Bih)
}

// hidden is h·W_hhᵀ + b_hh, B×G·H, with layer normalisation norm(h·W_hhᵀ) ⊙ γ_hh + b_hh.
func (g *Gates) hidden(b *op.Builder, h *G.Node) *G.Node {
	return scaled(b, b.Product(h, g.Whh, op.TransY), g.NormHh, g.Bhh)
}

// scaled is z + bias, or norm(z) ⊙ gain + bias.
func scaled(b *op.Builder, z, gain, bias *G.Node) *G.Node {
	if gain != nil {
		z = b.Mul(normalised(b, z), gain)
	}
	if bias != nil {
		z = b.Add(z, bias)
	}
	return z
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

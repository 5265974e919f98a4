package models

import (
	"cmp"
	"math"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// CellKind makes cells: what a model is told about its recurrence. A CellConfig is one, and so may be a type of yours.
type CellKind interface {
	// NewCell declares the parameters of a cell with inputs of length in and states of length hidden. p gives their
	// names what tells the layers of a model apart.
	NewCell(p *Params, in, hidden int) (Cell, error)
}

// Cell is one time step of a recurrent layer, as equations.
type Cell interface {
	// States is the number of states.
	States() int

	// Step gives the new states, B×H each, from the old ones; the first is the layer's output. x is B×I.
	Step(b *op.Builder, x *G.Node, states []*G.Node) []*G.Node
}

// tokenCell is a Cell that also takes B integers for x: tokens, which stand for one-hot vectors of length I. Others
// get the vectors.
type tokenCell interface {
	Cell
	inputWeight() *G.Node // has a column for each token
}

// CellConfig is the kind of the cells RNN, GRU and LSTM. Where it is zero the cell is PyTorch's.
type CellConfig struct {
	Kind       string  // one of Cells
	Activation string  // of an rnn: one of Activations; "" is tanh
	NoBias     bool    // without b_ih and b_hh
	ForgetBias float64 // of an lstm: added to the initial forget bias; 1 is usual (Jozefowicz et al., 2015)
	Peepholes  bool    // of an lstm: the gates see the cell state
	LayerNorm  bool    // of an lstm: layer normalisation
}

// Cells are the kinds that a CellConfig makes.
var Cells = []string{"rnn", "gru", "lstm"}

// Activations are the nonlinearities of the vanilla RNN.
var Activations = []string{"tanh", "relu"}

// check says what is wrong with the configuration.
func (c CellConfig) check() error {
	if err := setting.OneOf("Cell", c.Kind, Cells); err != nil {
		return err
	}
	if c.Activation != "" {
		if err := setting.OneOf("Activation", c.Activation, Activations); err != nil {
			return err
		}
	}
	lstm := c.Kind == "lstm"
	for _, e := range []struct {
		wrong bool
		setting.Error
	}{
		{c.Activation != "" && c.Kind != "rnn", setting.Error{Setting: "Activation", Value: c.Activation, Want: "left out, but for the cell rnn"}},
		{math.IsNaN(c.ForgetBias) || math.IsInf(c.ForgetBias, 0), setting.Error{Setting: "ForgetBias", Value: c.ForgetBias, Want: "a finite number"}},
		{c.ForgetBias != 0 && !lstm, setting.Error{Setting: "ForgetBias", Value: c.ForgetBias, Want: "0, but for the cell lstm"}},
		{c.ForgetBias != 0 && c.NoBias, setting.Error{Setting: "ForgetBias", Value: c.ForgetBias, Want: "0 with NoBias: it needs a cell with bias"}},
		{c.Peepholes && !lstm, setting.Error{Setting: "Peepholes", Value: true, Want: "left out, but for the cell lstm"}},
		{c.LayerNorm && !lstm, setting.Error{Setting: "LayerNorm", Value: true, Want: "left out, but for the cell lstm"}},
	} {
		if e.wrong {
			return &e.Error
		}
	}
	return nil
}

// NewCell declares weight_ih and so on, as PyTorch's modules have them: with G gates, W_ih is G·H×I, W_hh is G·H×H,
// b_ih and b_hh are G·H, all initially U(±1/√H).
func (c CellConfig) NewCell(p *Params, in, hidden int) (Cell, error) {
	if err := cmp.Or(p.usable(), c.check(), setting.AtLeast("Input", in, 1),
		setting.AtLeast("Hidden", hidden, 1)); err != nil {
		return nil, err
	}
	gates := map[string]int{"rnn": 1, "gru": 3, "lstm": 4}[c.Kind]
	bound := 1 / math.Sqrt(float64(hidden))
	rows := gates * hidden
	g := Gates{Wih: p.Uniform("weight_ih", bound, rows, in), Whh: p.Uniform("weight_hh", bound, rows, hidden)}
	if !c.NoBias {
		g.Bih, g.Bhh = p.Uniform("bias_ih", bound, rows), p.Uniform("bias_hh", bound, rows)
	}
	switch c.Kind {
	case "rnn":
		return &RNN{Gates: g, ReLU: c.Activation == "relu"}, p.b.Err()
	case "gru":
		return &GRU{g}, p.b.Err()
	}
	cell := &LSTM{Gates: g}
	if c.ForgetBias != 0 {
		p.shift(g.Bih, hidden, 2*hidden, c.ForgetBias)
	}
	if c.Peepholes {
		cell.Peephole = p.Uniform("peephole", bound, 3*hidden)
	}
	if c.LayerNorm {
		cell.NormIh = p.Constant("norm_ih", 1, rows)
		cell.NormHh = p.Constant("norm_hh", 1, rows)
		cell.NormC = NewLayerNorm(p, "norm_c", hidden)
	}
	return cell, p.b.Err()
}

// fitting reports whether a cell can take a step from x and the states.
func fitting(b *op.Builder, c Cell, x *G.Node, states []*G.Node) bool {
	if len(states) != c.States() || slices.Contains(states, nil) {
		b.Fail(errors.Errorf("a step of %T needs %d states, not %v", c, c.States(), states))
	}
	return ranked(b, "the input of a cell", x, 1)
}

// unfit are the states after an error.
func unfit(b *op.Builder, c Cell) []*G.Node {
	return slices.Repeat([]*G.Node{b.Fail(b.Err())}, c.States())
}

// Gates are the parameters of a cell whose gates see the input and the output of the step before, one gate
// below the other.
type Gates struct {
	Wih, Whh       *G.Node
	Bih, Bhh       *G.Node // nil: none
	NormIh, NormHh *G.Node // the gains γ of layer normalisation, G·H, whose biases are b_ih and b_hh; nil: none
}

func (g *Gates) inputWeight() *G.Node { return g.Wih }

// input is x·W_ihᵀ + b_ih, B×G·H, with layer normalisation norm(x·W_ihᵀ) ⊙ γ_ih + b_ih. The product of a
// one-hot vector with W_ihᵀ is a row of it.
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

// Layer runs a cell over a sequence.
type Layer struct {
	Name    string // for dumps and errors
	Cell    Cell
	Reverse bool // from the last step to the first
}

// Apply gives the outputs of all steps, T×B×H, and the last states. Keys have no meaning here.
func (l Layer) Apply(b *op.Builder, in Input) (hs *G.Node, last []*G.Node) {
	switch {
	case l.Cell == nil:
		return b.Fail(errors.Errorf("layer %q has no cell", l.Name)), in.States
	case len(in.States) != l.Cell.States():
		return b.Fail(errors.Errorf("layer %q has %d states, not %d", l.Name, l.Cell.States(), len(in.States))), in.States
	}
	scan := op.Scan{Name: l.Name, Seqs: []*G.Node{in.X}, States: in.States, Mask: in.Mask, Reverse: l.Reverse}
	run := b.Scan(scan, func(b *op.Builder, in op.In) op.Out {
		return op.Out{States: l.Cell.Step(b, in.Seqs[0], in.States)}
	})
	return run.States[0], run.Final
}

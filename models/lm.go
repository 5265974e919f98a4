package models

import (
	"fmt"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
)

// LMConfig describes a language model.
type LMConfig struct {
	Vocab  int    // number of different tokens
	Cell   string // one of Cells
	Hidden int    // units of a layer
	Layers int
	Embed  int // size of the embedding; 0: tokens enter the first layer as one-hot vectors
	Seed   uint64
}

// LM is a language model: it predicts each token of a sequence from those before it.
//
//	x_t = E[token_t]          or the one-hot vector of token_t
//	h_t = layers(x_t, h_{t-1})
//	p(token_{t+1}) = softmax(h_t·Wᵀ + b)
type LM struct {
	LMConfig
	Params    *Params
	embedding *G.Node // V×E, or nil
	layers    []Cell
	output    *Linear // V×H
}

// NewLM declares the model's parameters in the graph of b.
func NewLM(b *op.Builder, c LMConfig) (*LM, error) {
	for _, f := range []struct {
		name  string
		value int
		least int
	}{{"vocabulary", c.Vocab, 1}, {"hidden size", c.Hidden, 1}, {"number of layers", c.Layers, 1}, {"embedding size", c.Embed, 0}} {
		if f.value < f.least {
			return nil, errors.Errorf("language model: the %s is %d, must be at least %d", f.name, f.value, f.least)
		}
	}
	m := &LM{LMConfig: c, Params: NewParams(b, tensor.Float32, c.Seed)}
	in := c.Vocab
	if c.Embed > 0 {
		m.embedding = m.Params.Normal("embedding.weight", 1, c.Vocab, c.Embed)
		in = c.Embed
	}
	for l := range c.Layers {
		cell, err := NewCell(m.Params, c.Cell, "rnn", l, in, c.Hidden)
		if err != nil {
			return nil, errors.Wrap(err, "language model")
		}
		m.layers = append(m.layers, cell)
		in = c.Hidden
	}
	m.output = NewLinear(m.Params, "output", c.Hidden, c.Vocab)
	return m, nil
}

// States declares the states of the layers for sequences in a batch: inputs of B×H each, zero at first, layer after layer.
func (m *LM) States(b *op.Builder, batch int) []*G.Node {
	var states []*G.Node
	for l, cell := range m.layers {
		for k := range cell.States() {
			name := fmt.Sprintf("state%d_l%d", k, l)
			states = append(states, G.NewMatrix(b.Graph(), tensor.Float32, G.WithShape(batch, m.Hidden), G.WithName(name)))
		}
	}
	return states
}

// Logits gives the logits of the next token after each of tokens, T×B -> T×B×V, from the given states of the layers, and the states
// after the last token.
func (m *LM) Logits(b *op.Builder, tokens *G.Node, states []*G.Node) (logits *G.Node, last []*G.Node) {
	x := tokens
	if m.embedding != nil {
		x = b.Gather(m.embedding, tokens) // T×B×E
	}
	for l, cell := range m.layers {
		n := cell.States()
		var ends []*G.Node
		x, ends = Layer(b, fmt.Sprintf("%s layer %d", m.Cell, l), cell, x, states[:n], nil, false) // T×B×H
		last, states = append(last, ends...), states[n:]
	}
	return m.output.Apply(b, x), last // T×B×V
}

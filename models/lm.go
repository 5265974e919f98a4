package models

import (
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
	layers    *Recurrent
	output    *Linear // V×H
}

// NewLM declares the model's parameters in the graph of b.
func NewLM(b *op.Builder, c LMConfig) (*LM, error) {
	if err := checkSizes(size{"vocabulary", c.Vocab, 1}, size{"embedding size", c.Embed, 0}); err != nil {
		return nil, errors.Wrap(err, "language model")
	}
	m := &LM{LMConfig: c, Params: NewParams(b, tensor.Float32, c.Seed)}
	in := c.Vocab
	if c.Embed > 0 {
		m.embedding = m.Params.Normal("embedding.weight", 1, c.Vocab, c.Embed)
		in = c.Embed
	}
	var err error
	m.layers, err = NewRecurrent(m.Params, "rnn", RecurrentConfig{Cell: CellConfig{Kind: c.Cell}, Input: in, Hidden: c.Hidden, Layers: c.Layers})
	if err != nil {
		return nil, errors.Wrap(err, "language model")
	}
	m.output = NewLinear(m.Params, "output", c.Hidden, c.Vocab)
	return m, nil
}

// States declares the states of the layers for sequences in a batch: inputs of B×H each, zero at first, layer after layer.
func (m *LM) States(b *op.Builder, batch int) []*G.Node { return m.layers.States(b, batch) }

// Logits gives the logits of the next token after each of tokens, T×B -> T×B×V, from the given states of the layers, and the states
// after the last token.
func (m *LM) Logits(b *op.Builder, tokens *G.Node, states []*G.Node) (logits *G.Node, last []*G.Node) {
	x := tokens
	if m.embedding != nil {
		x = b.Gather(m.embedding, tokens) // T×B×E
	}
	x, last = m.layers.Apply(b, x, nil, states, nil) // T×B×H
	return m.output.Apply(b, x), last                // T×B×V
}

package models

import (
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
)

// LMConfig describes a language model.
type LMConfig struct {
	Vocab   int // number of different tokens
	Cell    CellConfig
	Hidden  int // units of a layer
	Layers  int
	Embed   int     // size of the embedding; 0: tokens enter the first layer as one-hot vectors
	Dropout float64 // between layers
	Tied    bool    // the output's weights are the embedding's (Press and Wolf, 2017)
	Seed    uint64
}

// LM is a language model: it predicts each token of a sequence from those before it.
//
//	x_t = E[token_t]          or the one-hot vector of token_t
//	h_t = layers(x_t, h_{t-1})
//	p(token_{t+1}) = softmax(h_t·Wᵀ + b)
//
// With Tied W is E, behind a projection of h_t to its size where that differs.
type LM struct {
	LMConfig
	Params     *Params
	embedding  *G.Node // V×E, or nil
	layers     *Recurrent
	projection *G.Node // E×H, or nil
	output     *Linear // V×H
}

// NewLM declares the model's parameters in the graph of b.
func NewLM(b *op.Builder, c LMConfig) (*LM, error) {
	return newLM(NewParams(b, tensor.Float32, c.Seed), c)
}

// DeclareLM is NewLM without initial values, for a model whose weights come from elsewhere.
func DeclareLM(b *op.Builder, c LMConfig) (*LM, error) {
	return newLM(DeclareParams(b, tensor.Float32), c)
}

// tiedDeviation is that of an embedding that is the output's weights, too: with it logits are of size 1.
func tiedDeviation(embed int) float64 { return 1 / math.Sqrt(float64(embed)) }

func newLM(p *Params, c LMConfig) (*LM, error) {
	err := checkSizes(size{"vocabulary", c.Vocab, 1}, size{"embedding size", c.Embed, 0})
	if err == nil && c.Tied && c.Embed == 0 {
		err = errors.New("the output's weights cannot be those of an embedding of size 0")
	}
	if err != nil {
		return nil, errors.Wrap(err, "language model")
	}
	m := &LM{LMConfig: c, Params: p}
	in := c.Vocab
	if c.Embed > 0 {
		deviation := 1.0
		if c.Tied {
			deviation = tiedDeviation(c.Embed)
		}
		m.embedding = p.Normal("embedding.weight", deviation, c.Vocab, c.Embed)
		in = c.Embed
	}
	m.layers, err = NewRecurrent(p, "rnn", RecurrentConfig{Cell: c.Cell, Input: in, Hidden: c.Hidden, Layers: c.Layers, Dropout: c.Dropout})
	if err != nil {
		return nil, errors.Wrap(err, "language model")
	}
	if !c.Tied {
		m.output = NewLinear(p, "output", c.Hidden, c.Vocab)
		return m, nil
	}
	if c.Hidden != c.Embed {
		m.projection = p.Uniform("projection.weight", 1/math.Sqrt(float64(c.Hidden)), c.Embed, c.Hidden)
	}
	m.output = &Linear{m.embedding, p.Constant("output.bias", 0, c.Vocab)}
	return m, nil
}

// States declares the states of the layers for sequences in a batch: inputs of B×H each, zero at first, layer after layer.
func (m *LM) States(b *op.Builder, batch int) []*G.Node { return m.layers.States(b, batch) }

// Logits gives the logits of the next token after each of tokens, T×B -> T×B×V, from the given states of the layers, and the states
// after the last token. key is the random key of a training step, 4 integers; without it, nil, nothing is dropped.
func (m *LM) Logits(b *op.Builder, tokens *G.Node, states []*G.Node, key *G.Node) (logits *G.Node, last []*G.Node) {
	x := tokens
	var keys *G.Node
	if key != nil && ranked(b, "language model", tokens, 2) {
		keys = b.Keys(key, tokens.Shape()[0])
	}
	if m.embedding != nil {
		x = b.Gather(m.embedding, tokens) // T×B×E
	}
	x, last = m.layers.Apply(b, x, nil, states, keys) // T×B×H
	if m.projection != nil {
		x = b.Product(x, m.projection, op.TransY) // T×B×E
	}
	return m.output.Apply(b, x), last // T×B×V
}

package models

import (
	"cmp"
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// LMConfig describes a language model.
type LMConfig struct {
	Vocab   int // number of different tokens
	Cell    CellKind
	Hidden  int // units of a layer
	Layers  int
	Embed   int     // size of the embedding; 0: tokens enter the first layer as one-hot vectors
	Dropout float64 // between layers
	Tied    bool    // the output's weights are the embedding's (Press and Wolf, 2017)
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

// tiedDeviation is that of an embedding that is the output's weights, too: with it logits are of size 1.
func tiedDeviation(embed int) float64 { return 1 / math.Sqrt(float64(embed)) }

// check says what is wrong with the configuration; what concerns the layers alone, NewRecurrent says.
func (c LMConfig) check() error {
	if c.Tied && c.Embed == 0 {
		return &setting.Error{Setting: "Tied", Value: true, Want: "left out with Embed 0: there is no embedding to share"}
	}
	return cmp.Or(setting.AtLeast("Vocab", c.Vocab, 1), setting.AtLeast("Embed", c.Embed, 0))
}

// NewLM declares the model's parameters.
func NewLM(p *Params, c LMConfig) (*LM, error) {
	m, err := newLM(p, c)
	return m, errors.Wrap(err, "language model")
}

func newLM(p *Params, c LMConfig) (*LM, error) {
	err := cmp.Or(p.usable(), c.check())
	if err != nil {
		return nil, err
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
	m.layers, err = NewRecurrent(p, "rnn",
		RecurrentConfig{Cell: c.Cell, Input: in, Hidden: c.Hidden, Layers: c.Layers, Dropout: c.Dropout})
	if err != nil {
		return nil, err
	}
	if !c.Tied {
		m.output = NewLinear(p, "output", c.Hidden, c.Vocab)
		return m, p.b.Err()
	}
	if c.Hidden != c.Embed {
		m.projection = p.Uniform("projection.weight", 1/math.Sqrt(float64(c.Hidden)), c.Embed, c.Hidden)
	}
	m.output = &Linear{m.embedding, p.Constant("output.bias", 0, c.Vocab)}
	return m, p.b.Err()
}

// States declares the states of the layers for sequences in a batch: inputs of B×H each, zero at first, layer
// after layer.
func (m *LM) States(b *op.Builder, batch int) []*G.Node { return m.layers.States(b, batch) }

// Logits gives the logits of the next token after each token of in.X, T×B -> T×B×V, and the states after the last
// token.
func (m *LM) Logits(b *op.Builder, in Input) (logits *G.Node, last []*G.Node) {
	if m.embedding != nil {
		in.X = b.Gather(m.embedding, in.X) // T×B×E
	}
	x, last := m.layers.Apply(b, in) // T×B×H
	if m.projection != nil {
		x = b.Product(x, m.projection, op.TransY) // T×B×E
	}
	return m.output.Apply(b, x), last // T×B×V
}

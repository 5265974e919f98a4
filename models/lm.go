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
	Softmax Softmax // the zero value: over all tokens
}

// LM is a language model: it predicts each token of a sequence from those before it.
//
//	x_t = E[token_t]          or the one-hot vector of token_t
//	h_t = layers(x_t, h_{t-1})
//	p(token_{t+1}) = softmax(h_t·Wᵀ + b)          or another one: see Softmax
//
// With Tied W is E, behind a projection of h_t to its size where that differs.
type LM struct {
	LMConfig
	Params     *Params
	embedding  *G.Node // V×E, or nil
	layers     *Recurrent
	projection *G.Node // E×H, or nil
	output     output
}

// tiedDeviation is that of an embedding that is the output's weights, too: with it logits are of size 1.
func tiedDeviation(embed int) float64 { return 1 / math.Sqrt(float64(embed)) }

// check says what is wrong with the configuration; what concerns the layers alone, NewRecurrent says.
func (c LMConfig) check() error {
	if c.Tied && c.Embed == 0 {
		return &setting.Error{Setting: "Tied", Value: true, Want: "left out with Embed 0: there is no embedding to share"}
	}
	return cmp.Or(setting.AtLeast("Vocab", c.Vocab, 1), setting.AtLeast("Embed", c.Embed, 0),
		c.Softmax.check(c.Vocab, c.Tied))
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
	var weight *G.Node // of the output; nil: one of its own
	seen := c.Hidden   // size of what it sees
	if c.Tied {
		weight, seen = m.embedding, c.Embed
		if c.Hidden != c.Embed {
			m.projection = p.Uniform("projection.weight", 1/math.Sqrt(float64(c.Hidden)), c.Embed, c.Hidden)
		}
	}
	m.output = c.Softmax.newOutput(p, "output", seen, c.Vocab, weight)
	return m, p.b.Err()
}

// States declares the states of the layers for sequences in a batch: inputs of B×H each, zero at first, layer
// after layer.
func (m *LM) States(b *op.Builder, batch int) []*G.Node { return m.layers.States(b, batch) }

// Logits gives the logits of the next token after each token of in.X, T×B -> T×B×V, and the states after the last
// token. Those of an adaptive softmax are ln p.
func (m *LM) Logits(b *op.Builder, in Input) (logits *G.Node, last []*G.Node) {
	x, last := m.features(b, in)
	return m.output.Apply(b, x), last
}

// Losses gives -ln p(target) after each token of in.X, T×B -> T×B, as training has it, and the states after the last
// token. aid is what Softmax.NewAid declared.
func (m *LM) Losses(b *op.Builder, in Input, targets *G.Node, aid *Aid) (losses *G.Node, last []*G.Node) {
	x, last := m.features(b, in)
	return m.output.loss(b, x, targets, nil, 0, aid), last
}

// features is what the output sees.
func (m *LM) features(b *op.Builder, in Input) (x *G.Node, last []*G.Node) {
	if m.embedding != nil {
		in.X = b.Gather(m.embedding, in.X) // T×B×E
	}
	x, last = m.layers.Apply(b, in) // T×B×H
	if m.projection != nil {
		x = b.Product(x, m.projection, op.TransY) // T×B×E
	}
	return x, last
}

package models

import (
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
)

// DecoderConfig describes a decoder.
type DecoderConfig struct {
	Layers    RecurrentConfig // Input is the size of the embedding; not bidirectional
	Vocab     int
	Memory    int    // D: size of the vectors that represent the source
	EveryStep bool   // every step sees the source as one vector, not only the first states (Cho et al., 2014)
	Attention string // one of Attentions; "": none
	Before    bool   // attention before the cell (Bahdanau et al., 2015) instead of after it (Luong et al., 2015)
	Feeding   bool   // input feeding: the cell sees the attentional vector of the step before (Luong et al., 2015)
	Tied      bool   // the output's weights are the embedding's (Press and Wolf, 2017)
}

// Decoder writes a target, one token after the other. With e = E[token], in one step
//
//	h' = layers(e, h)                      logits = h'·Wᵀ + b                       the source is the first state
//	h' = layers([e; c], h)                 logits = [h'; c; e]·Wᵀ + b               the source is c at every step
//	h' = layers([e; c], h)                 logits = [h'; c; e]·Wᵀ + b               attention before: c = attend(h)
//	h' = layers(e, h)                      logits = a·Wᵀ + b                        attention after: c = attend(h'), a = tanh(W_c·[c; h'])
//	h' = layers([e; a of the step before], h)                                       the same with input feeding
//
// where attend(h) sees the uppermost layer. With Tied the output's W is E, behind a projection to its size where that differs.
type Decoder struct {
	DecoderConfig
	Embedding   *G.Node // V×E
	layers      *Recurrent
	attention   Attention // nil: none
	attentional *G.Node   // W_c, H×(D+H); nil: none
	projection  *G.Node   // E×R; nil: none
	output      *Linear   // V×R
}

// NewDecoder declares the parameters; embedding is V×E.
func NewDecoder(p *Params, name string, embedding *G.Node, c DecoderConfig) (*Decoder, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	d := &Decoder{DecoderConfig: c, Embedding: embedding}
	embed, hidden := c.Layers.Input, c.Layers.Hidden
	features := hidden // size of what the output sees
	layers := c.Layers
	switch {
	case c.EveryStep || c.Before:
		layers.Input += c.Memory
		features += c.Memory + embed
	case c.Feeding:
		layers.Input += hidden
	}
	var err error
	if d.layers, err = NewRecurrent(p, name+".rnn", layers); err != nil {
		return nil, err
	}
	matrix := func(what string, rows, columns int) *G.Node {
		return p.Uniform(name+"."+what, 1/math.Sqrt(float64(columns)), rows, columns)
	}
	if c.Attention != "" {
		if d.attention, err = NewAttention(p, c.Attention, name+".attention", hidden, c.Memory); err != nil {
			return nil, err
		}
		if !c.Before {
			d.attentional = matrix("attentional.weight", hidden, c.Memory+hidden)
		}
	}
	if !c.Tied {
		d.output = NewLinear(p, name+".output", features, c.Vocab)
		return d, nil
	}
	if features != embed {
		d.projection = matrix("projection.weight", embed, features)
	}
	d.output = &Linear{embedding, p.Constant(name+".output.bias", 0, c.Vocab)}
	return d, nil
}

// check says what is wrong with the configuration.
func (c DecoderConfig) check() error {
	switch {
	case c.Layers.Bidirectional:
		return errors.New("a decoder cannot be bidirectional: it writes what it would read")
	case c.Attention == "" && (c.Before || c.Feeding):
		return errors.New("attention before the cell and input feeding need an attention")
	case c.Attention != "" && c.EveryStep:
		return errors.New("with attention every step sees the source already: the context at every step is for decoders without")
	case c.Before && c.Feeding:
		return errors.New("input feeding is for attention after the cell: before it the cell sees the context already")
	}
	return checkSizes(size{"target vocabulary", c.Vocab, 1}, size{"embedding size", c.Layers.Input, 1})
}

// Remember makes the memory of a decoder from the encoder's outputs, S×B×D, the mask of the source, S×B or nil, and the source as
// one vector, B×D.
func (d *Decoder) Remember(b *op.Builder, outputs, mask, context *G.Node) Memory {
	var m Memory
	if d.EveryStep {
		m.Context = context
	}
	if d.attention == nil {
		return m
	}
	m.Values = b.Transpose(outputs, 1, 0, 2) // B×S×D
	m.Projected = d.attention.Project(b, m.Values)
	if mask != nil {
		m.Mask = b.Transpose(mask, 1, 0)
	}
	return m
}

// Begin gives the states before the first step from those of the layers: with input feeding there is one more, a zero attentional
// vector.
func (d *Decoder) Begin(b *op.Builder, layers []*G.Node) []*G.Node {
	if !d.Feeding || !d.layers.fits(b, layers) || !ranked(b, "decoder", layers[0], 2) {
		return layers
	}
	return append(layers[:len(layers):len(layers)], b.Fill(d.Embedding, 0, layers[0].Shape()...))
}

// Step is one step: from tokens, B, and the states, the logits of the next tokens, B×V, the new states, and the weights of the
// attention, B×S, or nil. key is as in Recurrent.Step; the embedding is dropped as the outputs between layers are.
func (d *Decoder) Step(b *op.Builder, token *G.Node, states []*G.Node, m Memory, key *G.Node) (logits *G.Node, next []*G.Node, weights *G.Node) {
	layers := states
	if d.Feeding && len(states) > 0 {
		layers = states[:len(states)-1]
	}
	if !d.layers.fits(b, layers) {
		return b.Fail(b.Err()), states, nil
	}
	e := dropout(b, b.Gather(d.Embedding, token), d.layers.Dropout, key) // B×E
	x := e
	context := m.Context
	switch {
	case d.Before:
		context, weights = Attend(b, d.attention, d.layers.Top(b, layers), m)
		x = b.Concat(1, e, context)
	case d.EveryStep:
		x = b.Concat(1, e, context)
	case d.Feeding:
		x = b.Concat(1, e, states[len(states)-1])
	}
	h, next := d.layers.Step(b, x, layers, key)
	features := h
	switch {
	case d.Before || d.EveryStep:
		features = b.Concat(1, h, context, e)
	case d.attention != nil:
		context, weights = Attend(b, d.attention, h, m)
		features = b.Tanh(b.Product(b.Concat(1, context, h), d.attentional, op.TransY))
	}
	if d.Feeding {
		next = append(next, features)
	}
	if d.projection != nil {
		features = b.Product(features, d.projection, op.TransY)
	}
	return d.output.Apply(b, features), next, weights
}

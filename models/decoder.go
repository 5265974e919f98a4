package models

import (
	"cmp"
	"math"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// DecoderConfig describes a decoder.
type DecoderConfig struct {
	Layers    RecurrentConfig // Input is the size of the embedding; not bidirectional
	Vocab     int
	Memory    int           // D: size of the vectors that represent the source
	EveryStep bool          // every step sees the source as one vector, not only the first states (Cho et al., 2014)
	Attention AttentionKind // nil: none
	Before    bool          // attention before the cell (Bahdanau et al., 2015) instead of after it (Luong et al., 2015)
	Feeding   bool          // input feeding: the cell sees the attentional vector of the step before (Luong et al., 2015)
	Tied      bool          // the output's weights are the embedding's (Press and Wolf, 2017)
	Softmax   Softmax       // the zero value: over all tokens
}

// Decoder writes a target, one token after the other. With e = E[token], in one step
//
//	h' = layers(e, h)                      logits = h'·Wᵀ + b                       the source is the first state
//	h' = layers([e; c], h)                 logits = [h'; c; e]·Wᵀ + b               the source is c at every step
//	h' = layers([e; c], h)                 logits = [h'; c; e]·Wᵀ + b               attention before: c = attend(h)
//	h' = layers(e, h)                      logits = a·Wᵀ + b                        attention after: c = attend(h'), a = tanh(W_c·[c; h'])
//	h' = layers([e; a of the step before], h)                                       the same with input feeding
//
// where attend(h) sees the uppermost layer. With Tied the output's W is E, behind a projection to its size
// where that differs.
type Decoder struct {
	DecoderConfig
	Embedding   *G.Node // V×E
	layers      *Recurrent
	attention   Attention // nil: none
	attentional *G.Node   // W_c, H×(D+H); nil: none
	projection  *G.Node   // E×R; nil: none
	output      output
}

// NewDecoder declares the parameters; embedding is V×E.
func NewDecoder(p *Params, name string, embedding *G.Node, c DecoderConfig) (*Decoder, error) {
	if err := cmp.Or(p.usable(), c.check()); err != nil {
		return nil, err
	}
	if want := []int{c.Vocab, c.Layers.Input}; embedding == nil || !slices.Equal(embedding.Shape(), want) {
		return nil, errors.Errorf("the embedding of the decoder must be of shape %v", want)
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
	if c.Attention != nil {
		if d.attention, err = c.Attention.NewAttention(p.Scope(name+".attention"), hidden, c.Memory); err != nil {
			return nil, err
		}
		if d.attention == nil {
			return nil, errors.Errorf("the attention %T made nothing", c.Attention)
		}
		if !c.Before {
			d.attentional = matrix("attentional.weight", hidden, c.Memory+hidden)
		}
	}
	var weight *G.Node // of the output; nil: one of its own
	if c.Tied {
		if weight = embedding; features != embed {
			d.projection, features = matrix("projection.weight", embed, features), embed
		}
	}
	d.output = c.Softmax.newOutput(p, name+".output", features, c.Vocab, weight)
	return d, p.b.Err()
}

// check says what is wrong with the configuration.
func (c DecoderConfig) check() error {
	some := c.Attention != nil
	for _, e := range []struct {
		wrong bool
		setting.Error
	}{
		{c.Layers.Bidirectional, setting.Error{Setting: "Bidirectional", Value: true, Want: "left out of a decoder: it writes what it would read"}},
		{c.Before && !some, setting.Error{Setting: "Before", Value: true, Want: "left out without Attention"}},
		{c.Feeding && !some, setting.Error{Setting: "Feeding", Value: true, Want: "left out without Attention"}},
		{c.EveryStep && some, setting.Error{Setting: "EveryStep", Value: true, Want: "left out with Attention, with which every step sees the source already"}},
		{c.Before && c.Feeding, setting.Error{Setting: "Feeding", Value: true, Want: "left out with Before: the cell sees the context already"}},
	} {
		if e.wrong {
			return &e.Error
		}
	}
	least := 0 // a decoder that sees the source only in its first states knows no size of it
	if some || c.EveryStep {
		least = 1
	}
	return cmp.Or(
		setting.AtLeast("Vocab", c.Vocab, 1),
		setting.AtLeast("Embed", c.Layers.Input, 1),
		setting.AtLeast("Memory", c.Memory, least),
		c.Layers.check(),
		c.Softmax.check(c.Vocab, c.Tied),
	)
}

// Source is what an encoder gives.
type Source struct {
	Outputs *G.Node // S×B×D
	Mask    *G.Node // S×B; nil: no source ends before the others
	Context *G.Node // B×D: the source as one vector
}

// Remember makes the memory of the decoder from a source.
func (d *Decoder) Remember(b *op.Builder, s Source) Memory {
	var m Memory
	if d.EveryStep {
		m.Context = s.Context
	}
	if d.attention == nil {
		return m
	}
	m.Values = b.Transpose(s.Outputs, 1, 0, 2) // B×S×D
	if s.Mask != nil {
		m.Mask = b.Transpose(s.Mask, 1, 0)
	}
	return m.For(b, d.attention)
}

// Begin gives the states before the first step from those of the layers: with input feeding there is one more,
// a zero attentional vector.
func (d *Decoder) Begin(b *op.Builder, layers []*G.Node) []*G.Node {
	if !d.Feeding || !d.layers.fits(b, layers) || !ranked(b, "decoder", layers[0], 2) {
		return layers
	}
	return append(layers[:len(layers):len(layers)], b.Fill(d.Embedding, 0, layers[0].Shape()...))
}

// Step is one step: from in.X, B tokens, and the states, the logits of the next tokens, B×V, the new states, and the
// weights of the attention, B×S, or nil. The embedding is dropped as the outputs between layers are. The logits of an
// adaptive softmax are ln p.
func (d *Decoder) Step(b *op.Builder, m Memory, in Input) (logits *G.Node, next []*G.Node, weights *G.Node) {
	in.X = b.Gather(d.Embedding, in.X) // B×E
	x, next, weights := d.features(b, m, in)
	return d.output.Apply(b, x), next, weights
}

// features is Step from in.X, B×E, the embeddings of the tokens, to what the output sees, B×R.
func (d *Decoder) features(b *op.Builder, m Memory, in Input) (x *G.Node, next []*G.Node, weights *G.Node) {
	layers := in.States
	if d.Feeding && len(layers) > 0 {
		layers = layers[:len(layers)-1]
	}
	if !d.layers.fits(b, layers) {
		return b.Fail(b.Err()), in.States, nil
	}
	e := dropout(b, in.X, d.layers.Dropout, in.Keys)
	x = e
	context := m.Context
	switch {
	case d.Before:
		context, weights = Attend(b, d.attention, d.layers.Top(b, layers), m)
		x = b.Concat(1, e, context)
	case d.EveryStep:
		x = b.Concat(1, e, context)
	case d.Feeding:
		x = b.Concat(1, e, in.States[len(in.States)-1])
	}
	h, next := d.layers.Step(b, Input{X: x, Keys: in.Keys, States: layers})
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
	return features, next, weights
}

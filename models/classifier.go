package models

import (
	"math"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
)

// ClassifierConfig describes a sequence classifier.
type ClassifierConfig struct {
	Vocab         int // number of different tokens; 0: the inputs are vectors
	Input         int // size of the vectors
	Embed         int // size of the embedding; 0: tokens enter the first layer as one-hot vectors
	Cell          CellConfig
	Hidden        int // units of a layer in one direction
	Layers        int
	Bidirectional bool
	Dropout       float64 // of the embedding, between layers, and of the pooled vector
	Pooling       string  // one of Poolings; "" is last
	Classes       int
}

// Poolings are the ways to make one vector of the outputs of a sequence: the last ones, the mean, the largest of each unit.
var Poolings = []string{"last", "mean", "max"}

// Classifier gives a sequence one of several classes.
//
//	x_t = E[token_t]          or the one-hot vector of token_t, or a vector
//	h_t = layers(x_t, h_{t-1})
//	p(class) = softmax(pool(h_1, ..., h_T)·Wᵀ + b)
type Classifier struct {
	ClassifierConfig
	Params    *Params
	embedding *G.Node // V×E, or nil
	layers    *Recurrent
	output    *Linear // C×D
}

// NewClassifier declares the model's parameters.
func NewClassifier(p *Params, c ClassifierConfig) (*Classifier, error) {
	err := checkSizes(size{"vocabulary", c.Vocab, 0}, size{"embedding size", c.Embed, 0}, size{"number of classes", c.Classes, 1})
	switch {
	case err != nil:
	case c.Vocab == 0 && c.Embed > 0:
		err = errors.Errorf("an embedding of size %d needs tokens, but the vocabulary is 0", c.Embed)
	case c.Vocab > 0 && c.Input > 0:
		err = errors.Errorf("inputs are either %d tokens or vectors of %d numbers: one of the two must be 0", c.Vocab, c.Input)
	case c.Pooling != "" && !slices.Contains(Poolings, c.Pooling):
		err = errors.Errorf("there is no pooling %q; the poolings are %v", c.Pooling, Poolings)
	}
	if err != nil {
		return nil, errors.Wrap(err, "classifier")
	}
	m := &Classifier{ClassifierConfig: c, Params: p}
	in := c.Vocab + c.Input
	if c.Embed > 0 {
		m.embedding = p.Normal("embedding.weight", 1, c.Vocab, c.Embed)
		in = c.Embed
	}
	m.layers, err = NewRecurrent(p, "rnn", RecurrentConfig{
		Cell: c.Cell, Input: in, Hidden: c.Hidden, Layers: c.Layers, Bidirectional: c.Bidirectional, Dropout: c.Dropout,
	})
	if err != nil {
		return nil, errors.Wrap(err, "classifier")
	}
	m.output = NewLinear(p, "output", m.layers.Output(), c.Classes)
	return m, nil
}

// Logits gives the logits of the classes, B×C, of sequences xs, T×B tokens or T×B×I vectors. mask and keys are as in Recurrent.Apply.
func (m *Classifier) Logits(b *op.Builder, xs, mask, keys *G.Node) *G.Node {
	if m.embedding != nil {
		xs = dropout(b, b.Gather(m.embedding, xs), m.Dropout, keys) // T×B×E
	}
	if !ranked(b, "classifier", xs, 2) {
		return b.Fail(b.Err())
	}
	hs, last := m.layers.Apply(b, xs, mask, m.layers.Zeros(b, m.output.Weight, xs.Shape()[1]), keys) // T×B×D
	y := m.layers.Top(b, last)                                                                       // B×D
	switch m.Pooling {
	case "mean":
		y = meanOver(b, hs, mask)
	case "max":
		y = maxOver(b, hs, mask)
	}
	if keys != nil {
		y = b.Dropout(y, m.Dropout, b.Reshape(b.Slice(keys, 0, 0, 1), 4)) // the key of the first step: the stream is another
	}
	return m.output.Apply(b, y)
}

// meanOver is the mean of the valid steps, T×B×D -> B×D; 0 if there are none.
func meanOver(b *op.Builder, hs, mask *G.Node) *G.Node {
	if mask == nil {
		return b.Mean(hs, 0)
	}
	valid := b.Expand(b.Cast(mask, hs), -1)                          // T×B×1
	count := b.Max(b.Sum(valid, 0), b.Fill(hs, 1))                   // B×1
	return b.Div(b.Sum(b.Where(valid, hs, b.Fill(hs, 0)), 0), count) // B×D
}

// maxOver is the largest of each unit over the valid steps, T×B×D -> B×D; 0 if there are none.
func maxOver(b *op.Builder, hs, mask *G.Node) *G.Node {
	if mask == nil {
		return b.MaxOver(hs, 0)
	}
	valid := b.Expand(b.Cast(mask, hs), -1)                               // T×B×1
	largest := b.MaxOver(b.Where(valid, hs, b.Fill(hs, math.Inf(-1))), 0) // B×D
	return b.Where(b.Sum(valid, 0), largest, b.Fill(hs, 0))
}

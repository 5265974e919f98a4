package models

import (
	"cmp"
	"fmt"
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// ClassifierConfig describes a sequence classifier.
type ClassifierConfig struct {
	Vocab         int // number of different tokens; 0: the inputs are vectors
	Input         int // size of the vectors
	Embed         int // size of the embedding; 0: tokens enter the first layer as one-hot vectors
	Cell          CellKind
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

// check says what is wrong with the configuration; what concerns the layers alone, NewRecurrent says.
func (c ClassifierConfig) check() error {
	switch {
	case c.Vocab == 0 && c.Embed > 0:
		return &setting.Error{Setting: "Embed", Value: c.Embed, Want: "0 without tokens, that is with Vocab 0"}
	case c.Vocab > 0 && c.Input > 0:
		return &setting.Error{Setting: "Input", Value: c.Input, Want: fmt.Sprintf("0 with %d tokens, which are no vectors of numbers", c.Vocab)}
	case c.Pooling != "":
		if err := setting.OneOf("Pooling", c.Pooling, Poolings); err != nil {
			return err
		}
	}
	return cmp.Or(setting.AtLeast("Vocab", c.Vocab, 0), setting.AtLeast("Embed", c.Embed, 0), setting.AtLeast("Classes", c.Classes, 1))
}

// NewClassifier declares the model's parameters.
func NewClassifier(p *Params, c ClassifierConfig) (*Classifier, error) {
	m, err := newClassifier(p, c)
	return m, errors.Wrap(err, "classifier")
}

func newClassifier(p *Params, c ClassifierConfig) (*Classifier, error) {
	err := cmp.Or(p.usable(), c.check())
	if err != nil {
		return nil, err
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
		return nil, err
	}
	m.output = NewLinear(p, "output", m.layers.Output(), c.Classes)
	return m, p.b.Err()
}

// Logits gives the logits of the classes, B×C, of sequences in.X, T×B tokens or T×B×I vectors.
func (m *Classifier) Logits(b *op.Builder, in Input) *G.Node {
	if m.embedding != nil {
		in.X = dropout(b, b.Gather(m.embedding, in.X), m.Dropout, in.Keys) // T×B×E
	}
	hs, last := m.layers.Apply(b, in) // T×B×D
	y := m.layers.Top(b, last)        // B×D
	switch m.Pooling {
	case "mean":
		y = meanOver(b, hs, in.Mask)
	case "max":
		y = maxOver(b, hs, in.Mask)
	}
	if in.Keys != nil {
		y = b.Dropout(y, m.Dropout, b.Reshape(b.Slice(in.Keys, 0, 0, 1), 4)) // the key of the first step: the stream is another
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

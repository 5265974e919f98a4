package models

import (
	"cmp"

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

// reader is what reads the sequence.
func (c ClassifierConfig) reader() pooledConfig {
	return pooledConfig{c.Vocab, c.Input, c.Embed, c.Cell, c.Hidden, c.Layers, c.Bidirectional, c.Dropout, c.Pooling}
}

// Classifier gives a sequence one of several classes.
//
//	x_t = E[token_t]          or the one-hot vector of token_t, or a vector
//	h_t = layers(x_t, h_{t-1})
//	p(class) = softmax(pool(h_1, ..., h_T)·Wᵀ + b)
type Classifier struct {
	ClassifierConfig
	Params *Params
	reader *pooled
	output *Linear // C×D
}

// NewClassifier declares the model's parameters.
func NewClassifier(p *Params, c ClassifierConfig) (*Classifier, error) {
	m, err := newClassifier(p, c)
	return m, errors.Wrap(err, "classifier")
}

func newClassifier(p *Params, c ClassifierConfig) (*Classifier, error) {
	reader, err := newPooled(p, c.reader())
	if err := cmp.Or(err, setting.AtLeast("Classes", c.Classes, 1)); err != nil {
		return nil, err
	}
	return &Classifier{c, p, reader, NewLinear(p, "output", reader.layers.Output(), c.Classes)}, p.b.Err()
}

// Logits gives the logits of the classes, B×C, of sequences in.X, T×B tokens or T×B×I vectors.
func (m *Classifier) Logits(b *op.Builder, in Input) *G.Node {
	return m.output.Apply(b, m.reader.apply(b, in))
}

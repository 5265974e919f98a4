package models

import (
	"cmp"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// RegressorConfig describes a model that gives a sequence a number.
type RegressorConfig struct {
	Vocab         int // number of different tokens; 0: the inputs are vectors
	Input         int // size of the vectors
	Embed         int // size of the embedding; 0: tokens enter the first layer as one-hot vectors
	Cell          CellKind
	Hidden        int // units of a layer in one direction
	Layers        int
	Bidirectional bool
	Dropout       float64 // of the embedding, between layers, and of the pooled vector
	Pooling       string  // one of Poolings; "" is last
	Loss          string  // one of RegressionLosses; "" is squared
}

// RegressionLosses are the losses of a number, with e the error:
//
//	squared   e²
//	absolute  |e|
//	huber     e²/2 up to |e| = 1, and beyond |e| - 1/2 (Huber, 1964)
var RegressionLosses = []string{"squared", "absolute", "huber"}

// reader is what reads the sequence.
func (c RegressorConfig) reader() pooledConfig {
	return pooledConfig{c.Vocab, c.Input, c.Embed, c.Cell, c.Hidden, c.Layers, c.Bidirectional, c.Dropout, c.Pooling}
}

// Regressor gives a sequence a number. It reads as a Classifier does:
//
//	ŷ = pool(h_1, ..., h_T)·w + b
type Regressor struct {
	RegressorConfig
	Params *Params
	reader *pooled
	output *Linear // 1×D
}

// NewRegressor declares the model's parameters.
func NewRegressor(p *Params, c RegressorConfig) (*Regressor, error) {
	m, err := newRegressor(p, c)
	return m, errors.Wrap(err, "regressor")
}

func newRegressor(p *Params, c RegressorConfig) (*Regressor, error) {
	reader, err := newPooled(p, c.reader())
	if err := cmp.Or(err, setting.OneOf("Loss", cmp.Or(c.Loss, RegressionLosses[0]), RegressionLosses)); err != nil {
		return nil, err
	}
	return &Regressor{c, p, reader, NewLinear(p, "output", reader.layers.Output(), 1)}, p.b.Err()
}

// Predict gives the number, B, of each of the sequences in.X, T×B tokens or T×B×I vectors.
func (m *Regressor) Predict(b *op.Builder, in Input) *G.Node {
	y := m.output.Apply(b, m.reader.apply(b, in)) // B×1
	if b.Err() != nil {
		return b.Fail(b.Err())
	}
	return b.Reshape(y, y.Shape()[0])
}

// Losses gives the loss of each prediction, B, for the numbers that are right, B.
func (m *Regressor) Losses(b *op.Builder, predicted, right *G.Node) *G.Node {
	e := b.Sub(predicted, right)
	switch m.Loss {
	case "absolute":
		return b.Abs(e)
	case "huber": // c(e - c/2) with c = min(e, 1), of e > 0
		e = b.Abs(e)
		c := b.Min(e, b.Fill(e, 1))
		return b.Mul(c, b.Sub(e, b.Affine(c, 0.5, 0)))
	}
	return b.Square(e)
}

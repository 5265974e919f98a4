package models

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
)

// Weights is the number of weights of the model: a float, because it may be that of a model that no memory holds.
func (c LMConfig) Weights() (float64, error) {
	return weights(c.Layers, func(p *Params, layers int) error {
		c.Layers = layers
		return c.Declare(p)
	})
}

// Declare declares the parameters of the model.
func (c LMConfig) Declare(p *Params) error {
	_, err := NewLM(p, c)
	return err
}

// Weights is the number of weights of the model; see LMConfig.Weights.
func (c ClassifierConfig) Weights() (float64, error) {
	return weights(c.Layers, func(p *Params, layers int) error {
		c.Layers = layers
		return c.Declare(p)
	})
}

// Declare declares the parameters of the model.
func (c ClassifierConfig) Declare(p *Params) error {
	_, err := NewClassifier(p, c)
	return err
}

// Weights is the number of weights of the model; see LMConfig.Weights.
func (c RegressorConfig) Weights() (float64, error) {
	return weights(c.Layers, func(p *Params, layers int) error {
		c.Layers = layers
		return c.Declare(p)
	})
}

// Declare declares the parameters of the model.
func (c RegressorConfig) Declare(p *Params) error {
	_, err := NewRegressor(p, c)
	return err
}

// Weights is the number of weights of the model; see LMConfig.Weights.
func (c Seq2SeqConfig) Weights() (float64, error) {
	return weights(c.Layers, func(p *Params, layers int) error {
		c.Layers = layers
		return c.Declare(p)
	})
}

// Declare declares the parameters of the model.
func (c Seq2SeqConfig) Declare(p *Params) error {
	_, err := NewSeq2Seq(p, c)
	return err
}

// Weights is the number of weights of the model; see LMConfig.Weights.
func (c ForecasterConfig) Weights() (float64, error) {
	return weights(c.Layers, func(p *Params, layers int) error {
		c.Layers = layers
		return c.Declare(p)
	})
}

// Declare declares the parameters of the model.
func (c ForecasterConfig) Declare(p *Params) error {
	_, err := NewForecaster(p, c)
	return err
}

// weights counts what is declared, without values. However many layers there are, it declares two at most: each
// further layer has as many weights as the second.
func weights(layers int, declare func(p *Params, layers int) error) (float64, error) {
	count := func(layers int) (n float64, err error) {
		p := DeclareParams(op.New(G.NewGraph()), tensor.Float32)
		err = declare(p, layers)
		for _, w := range p.Nodes() {
			size := 1.0
			for _, d := range w.Shape() {
				size *= float64(d)
			}
			n += size
		}
		return n, err
	}
	if layers < 2 {
		return count(layers) // whose error it is if there are none
	}
	one, err := count(1)
	if err != nil {
		return 0, err
	}
	two, err := count(2)
	return one + float64(layers-1)*(two-one), err
}

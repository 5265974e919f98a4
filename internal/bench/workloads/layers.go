package workloads

import (
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// layers are recurrent layers alone, as libraries have them ready-made: the loss is the mean of their outputs, each
// multiplied with a number.
func layers(cell string) func(*op.Builder, Size) (*Problem, error) {
	return func(b *op.Builder, s Size) (*Problem, error) {
		p := models.NewParams(b, tensor.Float32, 0)
		x := newBatch(b)
		xs, g := x.floats("rows", s.Steps, s.Batch, s.In), x.floats("g", s.Steps, s.Batch, s.Hidden)
		m, err := models.NewRecurrent(p, "rnn", recurrent(cell, s.In, s))
		if err != nil {
			return nil, err
		}
		hs, _ := m.Apply(b, models.Input{X: xs, States: m.States(b, s.Batch)})
		return &Problem{Loss: b.Mean(b.Mul(hs, g)), Params: p.Nodes(), Inputs: x.inputs, Of: xs}, nil
	}
}

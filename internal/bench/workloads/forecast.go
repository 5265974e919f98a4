package workloads

import (
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// forecaster forecasts Target values of a series from Steps values, of which it reads one a step.
func forecaster(cell string) func(*op.Builder, Size) (*Problem, error) {
	return func(b *op.Builder, s Size) (*Problem, error) {
		m, err := models.NewForecaster(models.NewParams(b, tensor.Float32, 0), models.ForecasterConfig{
			Targets: 1, Horizon: s.Target, Patch: 1, Cell: models.CellConfig{Kind: cell}, Hidden: s.Hidden, Layers: s.Layers,
			Loss: models.AbsoluteError{},
		})
		if err != nil {
			return nil, err
		}
		x := newBatch(b)
		in := models.ForecastInput{Past: x.floats("rows", s.Steps, s.Batch, s.In),
			Base: x.floats("base", s.Batch, s.Target, 1)}
		truth := models.Truth{Scaled: x.floats("truth", s.Batch, s.Target, 1)}
		numbers := m.Direct(b, m.Encode(b, in), in)
		return &Problem{Loss: b.Mean(m.Loss.Loss(b, numbers, truth)), Params: m.Params.Nodes(), Inputs: x.inputs}, nil
	}
}

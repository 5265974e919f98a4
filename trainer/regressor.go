package trainer

import (
	"cmp"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
)

// RegressorConfig says how a model that gives sequences a number is trained.
type RegressorConfig struct {
	Model models.RegressorConfig
	Training
	Device tape.Device // nil: the CPU
}

// Regressor is a model in use that gives sequences a number. For each shape of a batch there are two programs,
// one that trains and one that predicts: see Learner.
type Regressor struct {
	*Learner[regressorUse]
	model models.RegressorConfig
}

// regressorUse is what a program is compiled for: only in training something is dropped.
type regressorUse struct {
	shape
	training bool
}

// NewRegressor declares the model and draws its initial weights.
func NewRegressor(c RegressorConfig) (*Regressor, error) {
	l, err := NewLearner(LearnerConfig[regressorUse]{
		Declare: c.declare, Shape: regressorUse{shape{1, 1, false}, true}, Training: c.Training, Device: c.Device,
	})
	if err != nil {
		return nil, err
	}
	return &Regressor{l, c.Model}, nil
}

// declare declares the model for batches of a shape; the loss is the mean over the examples that count.
func (c RegressorConfig) declare(b *op.Builder, p *models.Params, use regressorUse) (*Graph, error) {
	m, err := models.NewRegressor(p, c.Model)
	if err != nil {
		return nil, err
	}
	in := newSequenceInputs(b, c.Model.Vocab, c.Model.Input, use.shape)
	right := G.NewVector(b.Graph(), tensor.Float32, G.WithShape(use.batch), G.WithName("right"))
	weights := G.NewVector(b.Graph(), tensor.Float32, G.WithShape(use.batch), G.WithName("weights"))
	g := &Graph{Inputs: append(in.nodes(), right, weights), Weight: b.Sum(weights)}
	x := models.Input{X: in.xs, Mask: in.mask}
	if use.training && c.Model.Dropout > 0 {
		g.Key = keyNode(b)
		x.Keys = b.Keys(g.Key, use.steps)
	}
	predicted := m.Predict(b, x)
	losses := m.Losses(b, predicted, right)
	g.Loss, g.Outputs = b.MaskedMean(losses, weights), G.Nodes{predicted, losses}
	return g, nil
}

// Train runs a training step, the step-th counted from 0, with the given learning rate. right are the numbers
// to predict, B; weights, B, are 0 for rows that are no examples, else how much an example counts in the mean
// loss. The batch must be divisible by Training.Accumulate. It gives the mean loss and the norm of all
// gradients together before clipping, both at the weights before the step.
func (m *Regressor) Train(
	x Sequences, right, weights []float32, step int, rate float64,
) (loss, norm float64, err error) {
	parts := m.parts()
	at, err := x.parts(m.model.Vocab, m.model.Input, parts)
	if err := cmp.Or(err, checkNumbers(x, right, weights)); err != nil {
		return 0, 0, err
	}
	values := make([][]any, parts)
	for k := range parts {
		values[k] = append(x.values(k, parts), part(right, 1, k, parts), part(weights, 1, k, parts))
	}
	return m.Learner.Train(regressorUse{at, true}, step, rate, values...)
}

// Predict gives the numbers, B. Numbers that are not finite are a *decode.NotFiniteError.
func (m *Regressor) Predict(x Sequences) ([]float32, error) {
	zeros := make([]float32, max(x.Batch, 0))
	predicted, _, err := m.measure(x, zeros, zeros)
	if err != nil {
		return nil, err
	}
	return predicted, decode.CheckFinite(predicted)
}

// Eval gives the sum of the losses of the examples whose weight is not 0, and how many they are, and the
// numbers that the model predicts, B.
func (m *Regressor) Eval(
	x Sequences, right, weights []float32,
) (loss float64, count int, predicted []float32, err error) {
	if err := checkNumbers(x, right, weights); err != nil {
		return 0, 0, nil, err
	}
	predicted, losses, err := m.measure(x, right, weights)
	if err != nil {
		return 0, 0, nil, err
	}
	for i, w := range weights {
		if w != 0 {
			loss += float64(losses[i])
			count++
		}
	}
	return loss, count, predicted, nil
}

// measure runs the model on a batch: its predictions, and their losses.
func (m *Regressor) measure(x Sequences, right, weights []float32) (predicted, losses []float32, err error) {
	at, err := x.shape(m.model.Vocab, m.model.Input)
	if err != nil {
		return nil, nil, err
	}
	_, outputs, err := m.Run(regressorUse{at, false}, append(x.values(0, 1), right, weights)...)
	if err != nil {
		return nil, nil, err
	}
	return outputs[0], outputs[1], nil
}

// checkNumbers says whether each sequence of a batch has a number and a weight.
func checkNumbers(x Sequences, right, weights []float32) error {
	if len(right) != x.Batch || len(weights) != x.Batch {
		return errors.Errorf("%d numbers and %d weights for %d sequences: there must be one of both for each", len(right),
			len(weights), x.Batch)
	}
	return nil
}

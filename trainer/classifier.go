package trainer

import (
	"cmp"
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
)

// ClassifierConfig says how a sequence classifier is trained.
type ClassifierConfig struct {
	Model models.ClassifierConfig
	Training
	Device tape.Device // nil: the CPU
}

// Classifier is a sequence classifier in use. For each shape of a batch there are two programs, one that trains
// and one that classifies, each compiled when it is first called for. They have the weights in common; on a
// device that cannot share them they are copied when a step has another shape than the one before.
type Classifier struct {
	config ClassifierConfig
	*shared
	train   map[shape]*classifierTrainer
	predict map[shape]*classifierPredictor
}

// NewClassifier declares the model and draws its initial weights.
func NewClassifier(c ClassifierConfig) (*Classifier, error) {
	s, err := newModel(c.Training, c.Device, func(_ *op.Builder, p *models.Params) (G.Nodes, error) {
		return nil, c.Model.Declare(p)
	})
	if err != nil {
		return nil, err
	}
	return &Classifier{config: c, shared: s, train: map[shape]*classifierTrainer{},
		predict: map[shape]*classifierPredictor{}}, nil
}

// Train runs a training step, the step-th counted from 0, with the given learning rate. weights, B, are 0 for
// rows that are no examples, else 1, or how much an example counts in the mean loss. The batch must be
// divisible by Training.Accumulate. It gives the mean loss in nats per example and the norm of all gradients
// together before clipping, both at the weights before the step.
func (m *Classifier) Train(
	x Sequences, classes []int32, weights []float32, step int, rate float64,
) (loss, norm float64, err error) {
	at, err := x.parts(m.config.Model.Vocab, m.config.Model.Input, m.parts())
	if err := cmp.Or(err, m.checkExamples(x, classes, weights)); err != nil {
		return 0, 0, err
	}
	t, err := obtain(m.train, at, m.newTrainer)
	if err != nil {
		return 0, 0, err
	}
	return m.shared.train(t.trainProgram, rate, func(k, n int) error {
		if t.key != nil {
			if err := t.Set(t.key, key(m.config.Seed, step*n+k)); err != nil {
				return err
			}
		}
		return set(t.Program, append(t.pairs(x, k, n), t.classes, part(classes, 1, k, n), t.weights,
			part(weights, 1, k, n))...)
	})
}

// Classes is the number of classes.
func (m *Classifier) Classes() int { return m.config.Model.Classes }

// Logits are those of the classes, B×C. Logits that are not finite are a *decode.NotFiniteError.
func (m *Classifier) Logits(x Sequences) ([]float32, error) {
	logits, err := m.logits(x)
	if err != nil {
		return nil, err
	}
	return logits, decode.CheckFinite(logits)
}

func (m *Classifier) logits(x Sequences) ([]float32, error) {
	at, err := x.shape(m.config.Model.Vocab, m.config.Model.Input)
	if err != nil {
		return nil, err
	}
	p, err := obtain(m.predict, at, m.newPredictor)
	if err != nil {
		return nil, err
	}
	if err := m.shared.sync(&p.applied); err != nil {
		return nil, err
	}
	if err := set(p.Program, p.pairs(x, 0, 1)...); err != nil {
		return nil, err
	}
	if err := p.Run(); err != nil {
		return nil, err
	}
	logits := make([]float32, x.Batch*m.config.Model.Classes)
	return logits, p.Get(p.logits, logits)
}

// Eval measures a batch: sums over its examples. Where weights is 0 nothing is counted.
func (m *Classifier) Eval(x Sequences, classes []int32, weights []float32) (Sums, error) {
	s, _, err := m.Judge(x, classes, weights)
	return s, err
}

// Judge is Eval, and says what each of the B sequences is taken for: the first of the likeliest classes.
func (m *Classifier) Judge(x Sequences, classes []int32, weights []float32) (s Sums, taken []int, err error) {
	return Classifiers{m}.Judge(x, classes, weights)
}

// LogSoftmax is ln p of each class, x - ln Σ eˣ.
func LogSoftmax(logits []float32) []float64 {
	most := math.Inf(-1)
	for _, x := range logits {
		most = max(most, float64(x)) // NaN if one is
	}
	sum := 0.0
	for _, x := range logits {
		sum += math.Exp(float64(x) - most)
	}
	ln := make([]float64, len(logits))
	for i, x := range logits {
		ln[i] = float64(x) - most - math.Log(sum)
	}
	return ln
}

// checkExamples says what is wrong with the classes of a batch, and with their weights.
func (m *Classifier) checkExamples(x Sequences, classes []int32, weights []float32) error {
	if len(classes) != x.Batch || len(weights) != x.Batch {
		return errors.Errorf("%d classes and %d weights for %d sequences: there must be one of both for each", len(classes),
			len(weights), x.Batch)
	}
	for i, class := range classes {
		if weights[i] != 0 && (class < 0 || int(class) >= m.config.Model.Classes) {
			return errors.Errorf("sequence %d has class %d of %d", i, class, m.config.Model.Classes)
		}
	}
	return nil
}

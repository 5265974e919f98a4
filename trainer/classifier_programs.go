package trainer

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// newClassifierGraph declares the model and a batch of a shape.
func newClassifierGraph(c ClassifierConfig, s shape) (*op.Builder, *models.Classifier, sequenceInputs, error) {
	b := op.New(G.NewGraph())
	m, err := models.NewClassifier(models.DeclareParams(b, tensor.Float32), c.Model)
	if err != nil {
		return nil, nil, sequenceInputs{}, err
	}
	return b, m, newSequenceInputs(b, c.Model.Vocab, c.Model.Input, s), nil
}

// classifierTrainer is a training program.
type classifierTrainer struct {
	*trainProgram
	sequenceInputs
	classes, weights *G.Node // B
	key              *G.Node // nil: nothing is dropped
}

func (m *Classifier) newTrainer(s shape) (*classifierTrainer, error) {
	b, net, in, err := newClassifierGraph(m.config, s)
	if err != nil {
		return nil, err
	}
	t := &classifierTrainer{
		sequenceInputs: in,
		classes:        G.NewVector(b.Graph(), tensor.Int32, G.WithShape(s.batch), G.WithName("classes")),
		weights:        G.NewVector(b.Graph(), tensor.Float32, G.WithShape(s.batch), G.WithName("weights")),
	}
	var keys *G.Node
	if m.config.Model.Dropout > 0 {
		t.key = keyNode(b)
		keys = b.Keys(t.key, s.steps)
	}
	logits := net.Logits(b, models.Input{X: in.xs, Mask: in.mask, Keys: keys}) // B×C
	loss := b.MaskedMean(b.CrossEntropy(logits, t.classes, nil, 0), t.weights)
	t.trainProgram, err = m.step(b, loss, b.Sum(t.weights), net.Params.Nodes())
	return t, err
}

// classifierPredictor classifies.
type classifierPredictor struct {
	applied
	sequenceInputs
	logits *G.Node // B×C
}

func (m *Classifier) newPredictor(s shape) (*classifierPredictor, error) {
	b, net, in, err := newClassifierGraph(m.config, s)
	if err != nil {
		return nil, err
	}
	p := &classifierPredictor{sequenceInputs: in, logits: net.Logits(b, models.Input{X: in.xs, Mask: in.mask})}
	p.applied, err = m.apply(b, net.Params.Nodes(), G.Nodes{p.logits})
	return p, err
}

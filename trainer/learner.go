package trainer

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
)

// LearnerConfig says how a model of one's own is trained: any graph that has a loss. S tells batches of
// different shapes apart; each has programs of its own.
type LearnerConfig[S comparable] struct {
	// Declare declares the model for batches of a shape: its parameters with p, which must be the same for all
	// shapes, its inputs and its loss.
	Declare func(b *op.Builder, p *models.Params, shape S) (*Graph, error)

	Shape S // of some batch: the initial weights are drawn with it
	Training
	Device tape.Device // nil: the CPU
}

// Graph is a model of one's own, declared for batches of one shape.
type Graph struct {
	Inputs  G.Nodes // what a batch has
	Loss    *G.Node // scalar, of float32; nil: batches of this shape are only Run
	Weight  *G.Node // scalar: what the loss is the mean over, for batches in several parts; nil: all parts count the same
	Key     *G.Node // 4 integers, the key of what is drawn in a training step; nil: nothing is drawn
	Outputs G.Nodes // of float32: what Run gives
}

// Learner is a model of one's own in use: for each shape of a batch a program that trains and one that runs,
// each compiled when it is first called for. They have the weights in common.
type Learner[S comparable] struct {
	config LearnerConfig[S]
	*shared
	train map[S]*learnerTrainer
	run   map[S]*learnerRunner
}

type learnerTrainer struct {
	*trainProgram
	*Graph
}

type learnerRunner struct {
	applied
	*Graph
}

// NewLearner declares the model and draws its initial weights.
func NewLearner[S comparable](c LearnerConfig[S]) (*Learner[S], error) {
	if err := setting.Set("Declare", c.Declare != nil, "a function that declares the model"); err != nil {
		return nil, err
	}
	s, err := newModel(c.Training, c.Device, func(b *op.Builder, p *models.Params) (G.Nodes, error) {
		_, err := c.declare(b, p, c.Shape, true)
		return nil, err
	})
	if err != nil {
		return nil, err
	}
	return &Learner[S]{config: c, shared: s, train: map[S]*learnerTrainer{}, run: map[S]*learnerRunner{}}, nil
}

// declare calls Declare, and says what is wrong with its result. What is only run needs no loss, but then an output.
func (c *LearnerConfig[S]) declare(b *op.Builder, p *models.Params, shape S, trained bool) (*Graph, error) {
	g, err := c.Declare(b, p, shape)
	switch {
	case err != nil:
		return nil, err
	case b.Err() != nil:
		return nil, b.Err()
	case g == nil || g.Loss == nil && (trained || len(g.Outputs) == 0):
		return nil, errors.New("the model was declared without a loss")
	case len(p.Nodes()) == 0:
		return nil, errors.New("the model was declared without parameters")
	}
	return g, nil
}

// Train runs a training step on a batch, the step-th counted from 0, with the given learning rate. parts are
// the values of the inputs, in the order of Graph.Inputs, for each of the Training.Accumulate parts of the
// batch. It gives the loss and the norm of all gradients together before clipping, both at the weights before
// the step.
func (l *Learner[S]) Train(shape S, step int, rate float64, parts ...[]any) (loss, norm float64, err error) {
	if len(parts) != l.parts() {
		return 0, 0, errors.Errorf("a batch in %d parts, want %d", len(parts), l.parts())
	}
	t, err := obtain(l.train, shape, l.newTrainer)
	if err != nil {
		return 0, 0, err
	}
	return l.shared.train(t.trainProgram, rate, func(k, n int) error {
		if t.Key != nil {
			if err := t.Set(t.Key, key(l.config.Seed, step*n+k)); err != nil {
				return err
			}
		}
		return setAll(t.Program, t.Inputs, parts[k])
	})
}

// Run computes the loss and the outputs for the inputs of a batch, without training. The loss is 0 where there is none.
func (l *Learner[S]) Run(shape S, inputs ...any) (loss float64, outputs [][]float32, err error) {
	r, err := obtain(l.run, shape, l.newRunner)
	if err != nil {
		return 0, nil, err
	}
	if err := l.sync(&r.applied); err != nil {
		return 0, nil, err
	}
	if err := setAll(r.Program, r.Inputs, inputs); err != nil {
		return 0, nil, err
	}
	if err := r.applied.Run(); err != nil {
		return 0, nil, err
	}
	if r.Loss != nil {
		if loss, err = number(r.Program, r.Loss); err != nil {
			return 0, nil, err
		}
	}
	outputs = make([][]float32, len(r.Outputs))
	for i, n := range r.Outputs {
		outputs[i] = make([]float32, n.Shape().TotalSize())
		if err := r.Get(n, outputs[i]); err != nil {
			return 0, nil, err
		}
	}
	return loss, outputs, nil
}

// declared declares the model for a program, whose weights come from elsewhere.
func (l *Learner[S]) declared(shape S, trained bool) (*op.Builder, G.Nodes, *Graph, error) {
	b := op.New(G.NewGraph())
	p := models.DeclareParams(b, tensor.Float32)
	g, err := l.config.declare(b, p, shape, trained)
	return b, p.Nodes(), g, err
}

func (l *Learner[S]) newTrainer(shape S) (*learnerTrainer, error) {
	b, params, g, err := l.declared(shape, true)
	if err != nil {
		return nil, err
	}
	p, err := l.step(b, g.Loss, g.Weight, params)
	return &learnerTrainer{p, g}, err
}

func (l *Learner[S]) newRunner(shape S) (*learnerRunner, error) {
	b, params, g, err := l.declared(shape, false)
	if err != nil {
		return nil, err
	}
	outputs := g.Outputs
	if g.Loss != nil {
		outputs = append(G.Nodes{g.Loss}, outputs...)
	}
	a, err := l.apply(b, params, outputs)
	return &learnerRunner{a, g}, err
}

// setAll sets inputs to values, one for each.
func setAll(p *graph.Program, inputs G.Nodes, values []any) error {
	if len(values) != len(inputs) {
		return errors.Errorf("%d values for %d inputs", len(values), len(inputs))
	}
	for i, n := range inputs {
		if !slices.Contains(p.Inputs(), n) { // nothing that is wanted depends on it
			continue
		}
		if err := p.Set(n, values[i]); err != nil {
			return err
		}
	}
	return nil
}

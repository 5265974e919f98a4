package run

import (
	"context"
	"math"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// jointTask makes the task of a rank.
type jointTask func(t *testing.T, steps int, opts ...Option) (Task, error)

// jointTasks are all tasks, in 4 parts.
var jointTasks = map[string]jointTask{
	TaskOwn: jointOwn,
	TaskLM: func(t *testing.T, steps int, opts ...Option) (Task, error) {
		c := jointConfig(TaskLM, steps)
		c.Training.Batch, c.Training.Seq, c.Model.Cell = 2, 8, "lstm"
		c.Training.Schedule, c.Training.ScheduleFactor, c.Training.ScheduleWait = "plateau", 0.5, 1
		return NewLM(c, text(t), nil, opts...)
	},
	TaskClassify: func(t *testing.T, steps int, opts ...Option) (Task, error) {
		c := jointConfig(TaskClassify, steps)
		c.Training.Batch = 3
		return NewClassifier(c, table(t), nil, opts...)
	},
	TaskSeq2Seq: func(t *testing.T, steps int, opts ...Option) (Task, error) {
		pairs, valid, err := tasks.Pairs("dates", tasks.Config{Seed: 1, Train: 40, Valid: 5})
		if err != nil {
			t.Fatal(err)
		}
		c := jointConfig(TaskSeq2Seq, steps)
		c.Training.Batch, c.Training.TeacherForcing, c.Training.EMA, c.Training.Tokenize = 2, 0.5, 0.9, "char"
		return NewSeq2Seq(c, pairs, valid, opts...)
	},
	TaskTag: func(t *testing.T, steps int, opts ...Option) (Task, error) {
		c := jointConfig(TaskTag, steps)
		c.Training.Batch = 2
		return NewTagger(c, places(t, 60), nil, opts...)
	},
	TaskRegress: func(t *testing.T, steps int, opts ...Option) (Task, error) {
		c := smallSeries(TaskRegress)
		c.Model.Number, c.Training.Epochs, c.Training.Steps = &NumberModel{Loss: "huber"}, 0, steps
		c.Training.Batch, c.Training.Accumulate, c.Training.ValidEvery = 2, 4, 2
		train := waves(t, 20, true)
		train.Classes, train.Regression = nil, true
		return NewRegressor(c, train, nil, opts...)
	},
	TaskForecast: func(t *testing.T, steps int, opts ...Option) (Task, error) {
		c := smallForecaster(steps)
		c.Training.Batch, c.Training.Accumulate, c.Training.Warmup, c.Training.ValidEvery = 2, 4, 0, 2
		c.Training.Schedule = "constant"
		return NewForecaster(c, seasons(slices.Repeat([]int{40, 25}, 70)...), opts...) // more than are forecast at once
	},
}

// jointOwn is a task of a program's own: a network with dropout that learns the sum of two numbers, of batches in which
// parts have different numbers of examples.
func jointOwn(t *testing.T, steps int, opts ...Option) (Task, error) {
	t.Helper()
	const rows = 3
	var given Config
	given.use(opts)
	m, err := trainer.NewLearner(trainer.LearnerConfig[int]{
		Shape: rows, Device: given.with.device,
		Training: trainer.Training{Seed: 1, Optimizer: optim.DefaultAdam, Clip: 0.2, Accumulate: 4, World: given.with.world},
		Declare: func(b *op.Builder, p *models.Params, rows int) (*trainer.Graph, error) {
			input := func(name string, shape ...int) *G.Node {
				return G.NewTensor(b.Graph(), tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(name))
			}
			x, y, weight := input("x", rows, 2), input("y", rows, 1), input("weight", rows, 1)
			key := G.NewVector(b.Graph(), tensor.Int32, G.WithShape(4), G.WithName("key"))
			hidden := b.Tanh(models.NewLinear(p, "in", 2, 8).Apply(b, x))
			said := models.NewLinear(p, "out", 8, 1).Apply(b, b.Dropout(hidden, 0.3, key))
			n := b.Sum(weight)
			wrong := b.Div(b.Sum(b.Mul(weight, b.Square(b.Sub(said, y)))), b.Where(n, n, b.Fill(n, 1)))
			return &trainer.Graph{Inputs: G.Nodes{x, y, weight}, Loss: wrong, Weight: n, Key: key}, nil
		},
	})
	if err != nil {
		return nil, err
	}
	part := func(k int) []any {
		x, y, weight := make([]float32, 2*rows), make([]float32, rows), make([]float32, rows)
		for i := range rows {
			x[2*i], x[2*i+1] = float32(math.Sin(float64(k+i))), float32(math.Cos(float64(3*k-i)))
			if y[i] = x[2*i] + x[2*i+1]; i < k%4 { // of a part of each batch nothing is learned
				weight[i] = 1
			}
		}
		return []any{x, y, weight}
	}
	c := Defaults(TaskOwn)
	c.Training.Epochs, c.Training.Steps, c.Training.ValidEvery, c.Training.LR, c.Training.Accumulate = 0, steps, 2, 0.02, 4
	return &Own{
		Learner: m, Settings: c,
		Train: func(before int, rate float64) (loss, norm float64, err error) {
			return m.Train(rows, before, rate, part(4*before), part(4*before+1), part(4*before+2), part(4*before+3))
		},
		Measure: func(context.Context) (float64, error) {
			weights, err := m.Params()
			return 1 + math.Abs(float64(weights[0].Data.([]float32)[0])), err
		},
	}, nil
}

// jointConfig is a small model of a task, trained in 4 parts with dropout.
func jointConfig(task string, steps int) Config {
	c := Defaults(task)
	c.Model.Hidden, c.Model.Embed = 8, 6
	c.Training.Epochs, c.Training.Steps, c.Training.LR, c.Training.Clip = 0, steps, 0.02, 0.2
	c.Training.Accumulate, c.Training.ValidEvery = 4, 2
	c.Model.Dropout = 0.3
	if c.Model.Layers == 1 {
		c.Model.Layers = 2
	}
	return c
}

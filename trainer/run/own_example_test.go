package run_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/optim"
	"github.com/unroll-ml/unroll/trainer/run"
)

// window is the shape of a batch of waves.
type window struct{ steps, batch int }

// next declares a network that reads T×B×1 numbers and says after each which comes next: its loss is the mean
// squared error.
func next(b *op.Builder, p *models.Params, w window) (*trainer.Graph, error) {
	layers, err := models.NewRecurrent(p, "layers", models.RecurrentConfig{
		Cell: models.CellConfig{Kind: "gru"}, Input: 1, Hidden: 16, Layers: 1,
	})
	if err != nil {
		return nil, err
	}
	out := models.NewLinear(p, "out", 16, 1)
	input := func(name string) *G.Node {
		return G.NewTensor(b.Graph(), tensor.Float32, 3, G.WithShape(w.steps, w.batch, 1), G.WithName(name))
	}
	xs, ys := input("xs"), input("ys")
	hs, _ := layers.Apply(b, models.Input{X: xs})
	said := out.Apply(b, hs) // T×B×1
	return &trainer.Graph{Inputs: G.Nodes{xs, ys}, Loss: b.Mean(b.Square(b.Sub(said, ys))), Outputs: G.Nodes{said}}, nil
}

// waves are sine waves of several phases, and the same one step later.
func waves(w window, phase float64) []any {
	xs, ys := make([]float32, w.steps*w.batch), make([]float32, w.steps*w.batch)
	for i := range xs {
		at := float64(i/w.batch)/3 + float64(i%w.batch) + phase
		xs[i], ys[i] = float32(math.Sin(at)), float32(math.Sin(at+1./3))
	}
	return []any{xs, ys}
}

// A model with a loss of its own: everything else, such as the schedule, resume, the best checkpoint and the
// log, is given.
func ExampleOwn() {
	dir, err := os.MkdirTemp("", "run")
	check(err)
	defer os.RemoveAll(dir)
	w := window{20, 4}
	learner := func() *trainer.Learner[window] {
		m, err := trainer.NewLearner(trainer.LearnerConfig[window]{
			Declare: next, Shape: w, Training: trainer.Training{Seed: 1, Optimizer: optim.DefaultAdam, Clip: 1},
		})
		check(err)
		return m
	}

	m := learner()
	defer m.Close()
	c := run.Defaults(run.TaskOwn)
	c.Training.LR, c.Training.Schedule, c.Training.Epochs = 0.02, "cosine", 10
	end, err := run.Train(context.Background(), filepath.Join(dir, "waves"), &run.Own{
		Learner: m, Settings: c, Steps: 20,
		Train: func(before int, rate float64) (loss, norm float64, err error) {
			return m.Train(w, before, rate, waves(w, 0.1*float64(before)))
		},
		Measure: func(context.Context) (float64, error) {
			loss, _, err := m.Run(w, waves(w, 0.05)...)
			return loss, err
		},
	}, run.Options{})
	check(err)
	fmt.Println(end.Step, "steps, small:", end.BestLoss < 0.01)

	r, err := run.Open(filepath.Join(dir, "waves"))
	check(err)
	user := learner()
	defer user.Close()
	_, err = r.Load(user)
	check(err)
	loss, outputs, err := user.Run(window{1, 1}, []float32{0}, []float32{0})
	check(err)
	fmt.Println(len(outputs[0]), loss < 1)
	// Output:
	// 200 steps, small: true
	// 1 true
}

// Ownmodel trains a model that is none of package models, with parameters and a loss of its own, in a folder that
// survives crashes: a vanilla recurrence reads a wave and says at every step what comes next.
package main

import (
	"context"
	"fmt"
	"log"
	"math"
	"os"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/optim"
	"github.com/unroll-ml/unroll/trainer/run"
)

const hidden = 24

// shape is that of a batch; a model has a program for each.
type shape struct{ T, B int }

// declare is the model for batches of a shape.
func declare(b *op.Builder, p *models.Params, s shape) (*trainer.Graph, error) {
	k := 1 / math.Sqrt(hidden)
	W, U, bias := p.Uniform("W", k, 1, hidden), p.Uniform("U", k, hidden, hidden), p.Constant("b", 0, hidden)
	V := p.Uniform("V", k, hidden, 1)
	input := func(name string) *G.Node {
		return G.NewTensor(b.Graph(), tensor.Float32, 3, G.WithShape(s.T, s.B, 1), G.WithName(name))
	}
	xs, next := input("xs"), input("next")
	h0 := b.Fill(xs, 0, s.B, hidden)

	run := b.Scan(op.Scan{Seqs: []*G.Node{xs}, States: []*G.Node{h0}}, func(b *op.Builder, in op.In) op.Out {
		x, h := in.Seqs[0], in.States[0]
		h = b.Tanh(b.Add(b.Add(b.Product(x, W), b.Product(h, U)), bias)) // h' = tanh(x·W + h·U + b)
		return op.Out{States: []*G.Node{h}}
	})
	predicted := b.Product(run.States[0], V)         // T×B×1
	loss := b.Mean(b.Square(b.Sub(predicted, next))) // any scalar
	return &trainer.Graph{Inputs: G.Nodes{xs, next}, Loss: loss, Outputs: G.Nodes{predicted}}, b.Err()
}

func main() {
	const dir = "runs/waves"
	batch := shape{T: 40, B: 16}
	m := newModel(batch)
	defer m.Close()
	c := run.Defaults(run.TaskOwn)
	c.Training.LR, c.Training.Epochs = 0.01, 5
	end, err := run.Train(context.Background(), dir, &run.Own{
		Learner: m, Settings: c, Steps: 40, // of an epoch
		Train: func(step int, rate float64) (loss, norm float64, err error) {
			return m.Train(batch, step, rate, waves(batch, float64(step)))
		},
		Measure: func(context.Context) (float64, error) {
			loss, _, err := m.Run(batch, waves(batch, 0.5)...)
			return loss, err
		},
	}, run.Options{Report: run.Lines(os.Stdout), LogEvery: 40})
	check(err)
	fmt.Printf("best validation loss: %.4f\n", end.BestLoss)

	r, err := run.Open(dir)
	check(err)
	one := shape{T: 20, B: 1}
	user := newModel(one)
	defer user.Close()
	_, err = r.Load(user)
	check(err)
	wave := waves(one, 0)
	_, outputs, err := user.Run(one, wave...)
	check(err)
	fmt.Printf("what follows: %.2f; the model says %.2f\n", wave[1].([]float32)[19], outputs[0][19])
}

func newModel(s shape) *trainer.Learner[shape] {
	m, err := trainer.NewLearner(trainer.LearnerConfig[shape]{
		Declare: declare, Shape: s, Training: trainer.Training{Seed: 1, Optimizer: optim.DefaultAdam, Clip: 1},
	})
	check(err)
	return m
}

// waves are sines of different phases, T×B×1, and the same one step later.
func waves(s shape, phase float64) []any {
	var now, next []float32
	for t := range s.T {
		for i := range s.B {
			at := 0.3*float64(t) + 2*math.Pi*float64(i)/float64(s.B) + phase
			now, next = append(now, float32(math.Sin(at))), append(next, float32(math.Sin(at+0.3)))
		}
	}
	return []any{now, next}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

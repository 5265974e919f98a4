// Command outside is a program of a user: a cell, an attention and an operation of its own, in all three models
// and on all devices.
package main

import (
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// MGU is the minimal gated unit: f = σ(x·W_f + h·U_f + b_f), h' = (1-f) ⊙ h + f ⊙ squash(x·W_h + (f ⊙ h)·U_h + b_h).
type MGU struct {
	squash                 op.Custom
	Wf, Uf, Bf, Wh, Uh, Bh *G.Node
}

func (c MGU) NewCell(p *models.Params, in, hidden int) (models.Cell, error) {
	k := 1 / math.Sqrt(float64(hidden))
	return MGU{c.squash,
		p.Uniform("W_f", k, in, hidden), p.Uniform("U_f", k, hidden, hidden), p.Constant("b_f", 1, hidden),
		p.Uniform("W_h", k, in, hidden), p.Uniform("U_h", k, hidden, hidden), p.Constant("b_h", 0, hidden),
	}, nil
}

func (MGU) States() int { return 1 }

func (c MGU) Step(b *op.Builder, x *G.Node, states []*G.Node) []*G.Node {
	h := states[0]
	f := b.Sigmoid(b.Add(b.Add(b.Product(x, c.Wf), b.Product(h, c.Uf)), c.Bf))
	n := b.Custom(c.squash, b.Add(b.Add(b.Product(x, c.Wh), b.Product(b.Mul(f, h), c.Uh)), c.Bh))
	return []*G.Node{b.Add(b.Mul(b.Affine(f, -1, 1), h), b.Mul(f, n))}
}

// softsignSlope is the derivative of x / (1+|x|), times that of what follows.
func softsignSlope(b *op.Builder, in []*G.Node, _, grad *G.Node) []*G.Node {
	return []*G.Node{b.Div(grad, b.Square(b.Affine(b.Abs(in[0]), 1, 1)))}
}

var composed = op.Custom{
	Name:     "Softsign",
	Compose:  func(b *op.Builder, in []*G.Node) *G.Node { return b.Div(in[0], b.Affine(b.Abs(in[0]), 1, 1)) },
	Gradient: softsignSlope,
}

var hosted = op.Custom{
	Name: "Softsign in Go",
	Host: func(out op.Array, in []op.Array) error {
		for i, x := range in[0].Data {
			out.Data[i] = x / (1 + math.Abs(x))
		}
		return nil
	},
	Gradient: softsignSlope,
}

// Scaled is score(q, m_s) = (W·q)·m_s / √D.
type Scaled struct{ W *G.Node }

func (Scaled) NewAttention(p *models.Params, hidden, memory int) (models.Attention, error) {
	return Scaled{p.Uniform("weight", 1/math.Sqrt(float64(hidden)), memory, hidden)}, nil
}

func (a Scaled) Scores(b *op.Builder, query, memory *G.Node) *G.Node {
	q := b.Product(query, a.W, op.TransY)
	return b.Affine(b.Squeeze(b.Product(b.Expand(q, 1), memory, op.TransY), 1), 1/math.Sqrt(float64(a.W.Shape()[0])), 0)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func largest(xs []float32) int32 {
	best := 0
	for i, x := range xs {
		if x > xs[best] {
			best = i
		}
	}
	return int32(best)
}

var training = trainer.Training{Seed: 1, Optimizer: optim.DefaultAdam, Clip: 1}

// languageModel learns a cycle of five tokens, which enter as one-hot vectors.
func languageModel(d tape.Device, cell models.CellKind, steps int) (loss float64, right int) {
	m, err := trainer.NewLM(trainer.LMConfig{
		Model: models.LMConfig{Vocab: 5, Cell: cell, Hidden: 12, Layers: 2}, Seq: 5, Batch: 1, Training: training, Device: d,
	})
	check(err)
	defer m.Close()
	cycle := []int32{0, 3, 1, 4, 2, 0}
	for k := range steps {
		loss, _, err = m.Train(cycle[:5], cycle[1:], k, 0.03)
		check(err)
	}
	for k := range 5 {
		logits, err := m.Next(cycle[k])
		check(err)
		if largest(logits) == cycle[k+1] {
			right++
		}
	}
	return loss, right
}

// classifier learns which token was first, in both directions.
func classifier(d tape.Device, cell models.CellKind, steps int) (loss float64, right int) {
	m, err := trainer.NewClassifier(trainer.ClassifierConfig{
		Model: models.ClassifierConfig{Vocab: 4, Embed: 4, Cell: cell, Hidden: 8, Layers: 1, Bidirectional: true,
			Classes: 4},
		Training: training, Device: d,
	})
	check(err)
	defer m.Close()
	x, rng := trainer.Sequences{Steps: 3, Batch: 5, Tokens: make([]int32, 15)}, rand.New(rand.NewPCG(1, 1))
	for i := range x.Tokens {
		x.Tokens[i] = rng.Int32N(4)
	}
	for k := range steps {
		loss, _, err = m.Train(x, x.Tokens[:5], []float32{1, 1, 1, 1, 1}, k, 0.03)
		check(err)
	}
	s, err := m.Eval(x, x.Tokens[:5], []float32{1, 1, 1, 1, 1})
	check(err)
	return loss, s.Correct
}

// translator learns to turn words around, and writes them by beam search.
func translator(d tape.Device, cell models.CellKind, steps int) (loss float64, right int) {
	m, err := trainer.NewSeq2Seq(trainer.Seq2SeqConfig{
		Model: models.Seq2SeqConfig{
			Source: 8, Target: 8, Tokens: models.DefaultTokens, Cell: cell, Embed: 6, Hidden: 12, Layers: 1, Bidirectional: true,
			Attention: Scaled{}, Before: true,
		},
		TeacherForcing: 1, Training: training, Device: d,
	})
	check(err)
	defer m.Close()
	words := trainer.Translations{
		SourceSteps: 4, TargetSteps: 4, Batch: 3,
		Source: []int32{4, 7, 5, 5, 6, 5, 6, 5, 4, 3, 3, 3},
		Target: []int32{6, 5, 4, 5, 6, 5, 4, 7, 5, 3, 3, 3},
	}
	for k := range steps {
		loss, _, err = m.Train(words, k, 0.03)
		check(err)
	}
	found, err := m.Search(words.Source, 3, decode.Beam{Width: 3, MaxLength: 5})
	check(err)
	for i, hypotheses := range found {
		for k, token := range hypotheses[0].Tokens {
			if k < 4 && token == words.Target[k*3+i] {
				right++
			}
		}
	}
	return loss, right
}

func main() {
	devices := []tape.Device{ref.New(), cpu.New(), cuda.New(sim.New(sim.Config{}))}
	for _, task := range []struct {
		name  string
		run   func(d tape.Device, cell models.CellKind, steps int) (float64, int)
		whole int // what is right of a model that has learned
	}{{"language model", languageModel, 5}, {"classifier", classifier, 5}, {"sequence to sequence", translator, 12}} {
		for _, squash := range []op.Custom{composed, hosted} {
			for _, d := range devices {
				loss, _ := task.run(d, MGU{squash: squash}, 3)
				fmt.Printf("%s, %s: %.4f\n", task.name, squash.Name, loss) // the same on every device
			}
		}
		_, right := task.run(cpu.New(), MGU{squash: composed}, 80)
		fmt.Printf("%s: %d of %d right\n", task.name, right, task.whole)
	}
}

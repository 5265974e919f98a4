package models_test

import (
	"fmt"
	"log"
	"math"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// MGU is the minimal gated unit (Zhou et al., 2016):
//
//	f  = σ(x·W_f + h·U_f + b_f)
//	h' = (1-f) ⊙ h + f ⊙ tanh(x·W_h + (f ⊙ h)·U_h + b_h)
type MGU struct{ Wf, Uf, Bf, Wh, Uh, Bh *G.Node }

func (MGU) NewCell(p *models.Params, in, hidden int) (models.Cell, error) {
	k := 1 / math.Sqrt(float64(hidden))
	return MGU{
		p.Uniform("W_f", k, in, hidden), p.Uniform("U_f", k, hidden, hidden), p.Constant("b_f", 1, hidden),
		p.Uniform("W_h", k, in, hidden), p.Uniform("U_h", k, hidden, hidden), p.Constant("b_h", 0, hidden),
	}, nil
}

func (MGU) States() int { return 1 }

func (c MGU) Step(b *op.Builder, x *G.Node, states []*G.Node) []*G.Node {
	h := states[0]
	f := b.Sigmoid(b.Add(b.Add(b.Product(x, c.Wf), b.Product(h, c.Uf)), c.Bf))
	n := b.Tanh(b.Add(b.Add(b.Product(x, c.Wh), b.Product(b.Mul(f, h), c.Uh)), c.Bh))
	return []*G.Node{b.Add(b.Mul(b.Affine(f, -1, 1), h), b.Mul(f, n))}
}

// A cell of your own, in a language model: it learns a line by heart.
func ExampleCellKind() {
	const text = "the quick brown fox jumps over the lazy dog. "
	var tokens []int32 // the bytes
	for _, r := range text {
		tokens = append(tokens, r)
	}
	m, err := trainer.NewLM(trainer.LMConfig{
		Model: models.LMConfig{Vocab: 128, Cell: MGU{}, Hidden: 48, Layers: 1, Embed: 8}, Seq: len(tokens) - 1, Batch: 1,
		Training: trainer.Training{Optimizer: optim.DefaultAdam, Clip: 1},
	})
	check(err)
	defer m.Close()
	for step := range 150 {
		check(m.ResetTrain())
		_, _, err := m.Train(tokens[:len(tokens)-1], tokens[1:], step, 0.02)
		check(err)
	}

	for token, k := tokens[0], 0; k < len(tokens)-2; k++ {
		logits, err := m.Next(token)
		check(err)
		token = largest(logits)
		fmt.Printf("%c", token)
	}
	// Output: he quick brown fox jumps over the lazy dog.
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// largest is the index of the largest number.
func largest(xs []float32) int32 {
	best := 0
	for i, x := range xs {
		if x > xs[best] {
			best = i
		}
	}
	return int32(best)
}

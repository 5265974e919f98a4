package models_test

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// Scaled is score(q, m_s) = (W·q)·m_s / √D, with W D×H.
type Scaled struct{ W *G.Node }

func (Scaled) NewAttention(p *models.Params, hidden, memory int) (models.Attention, error) {
	return Scaled{p.Uniform("weight", 1/math.Sqrt(float64(hidden)), memory, hidden)}, nil
}

func (a Scaled) Scores(b *op.Builder, query, memory *G.Node) *G.Node {
	q := b.Product(query, a.W, op.TransY)                                // B×D
	scores := b.Squeeze(b.Product(b.Expand(q, 1), memory, op.TransY), 1) // B×1×D · B×D×S
	return b.Affine(scores, 1/math.Sqrt(float64(a.W.Shape()[0])), 0)
}

// An attention of your own, in a model that learns to turn words around.
func ExampleAttentionKind() {
	m, err := trainer.NewSeq2Seq(trainer.Seq2SeqConfig{
		Model: models.Seq2SeqConfig{
			Source: 8, Target: 8, Tokens: models.DefaultTokens, Cell: models.CellConfig{Kind: "gru"}, Embed: 8,
			Hidden: 24, Layers: 1,
			Bidirectional: true, Attention: Scaled{},
		},
		TeacherForcing: 1, Training: trainer.Training{Optimizer: optim.DefaultAdam, Clip: 1},
	})
	check(err)
	defer m.Close()
	const end = 3 // of models.DefaultTokens
	pairs := trainer.Translations{
		SourceSteps: 4, TargetSteps: 4, Batch: 3,
		Source: []int32{4, 7, 5, 5, 6, 5, 6, 5, 4, end, end, end}, // S×B: three words of three letters, side by side
		Target: []int32{6, 5, 4, 5, 6, 5, 4, 7, 5, end, end, end},
	}
	for step := range 100 {
		_, _, err := m.Train(pairs, step, 0.02)
		check(err)
	}
	turned, err := m.Greedy(pairs.Source, 3, 4)
	check(err)
	fmt.Println(turned[:3], turned[3:6], turned[6:9], turned[9:])
	// Output: [6 5 4] [5 6 5] [4 7 5] [3 3 3]
}

package run_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Scaled is score(q, m_s) = (W·q)·m_s / √D (Vaswani et al., 2017): of long vectors the products are large, and their
// softmax would hardly learn.
type Scaled struct{ W *G.Node }

func (Scaled) NewAttention(p *models.Params, hidden, memory int) (models.Attention, error) {
	return Scaled{p.Uniform("weight", 1/math.Sqrt(float64(hidden)), hidden, memory)}, nil
}

func (a Scaled) Scores(b *op.Builder, query, memory *G.Node) *G.Node {
	q := b.Product(query, a.W)                                          // B×D
	scores := b.Squeeze(b.Product(memory, b.Expand(q, 2)), 2)           // B×S×D · B×D×1
	return b.Affine(scores, 1/math.Sqrt(float64(memory.Shape()[2])), 0) // B×S
}

// A sequence-to-sequence model with an attention of one's own is trained in a folder and opened again. The folder
// can only name the attention, so whoever opens it gives it again.
func Example_ownAttention() {
	dir, err := os.MkdirTemp("", "run")
	check(err)
	defer os.RemoveAll(dir)
	dir = filepath.Join(dir, "dates")

	own := run.Attention("scaled", Scaled{})
	c := run.Defaults(run.TaskSeq2Seq)
	c.Model.Attention, c.Model.Hidden, c.Training.LR, c.Training.Epochs = "scaled", 32, 0.01, 4
	pairs, valid := halves()
	task, err := run.NewSeq2Seq(c, pairs, valid, own)
	check(err)
	defer task.Close()
	end, err := run.Train(context.Background(), dir, task, run.Options{})
	check(err)
	fmt.Println(end.Step, "steps")

	r, err := run.Open(dir, own)
	check(err)
	t, err := r.Translator()
	check(err)
	defer t.Close()
	found, err := t.Translate(context.Background(), 1, []string{"15.5.39"}, run.TranslateOptions{
		Beam: decode.Beam{Width: 5, Best: 2},
	})
	check(err)
	fmt.Println(len(found[0]), "translations, the likelier one first:", found[0][0].LogProb >= found[0][1].LogProb)
	_, err = run.Open(dir)
	fmt.Println(err)
	// Output:
	// 40 steps
	// 2 translations, the likelier one first: true
	// the model has an attention of its own, "scaled": a program that has it gives it as run.Attention("scaled", ...)
}

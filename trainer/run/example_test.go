package run_test

import (
	"context"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"strings"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/device"
	"github.com/unroll-ml/unroll/trainer/run"
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

// A language model with a cell of one's own is trained in a folder, opened again and asked to go on from a
// prompt. The folder can only name the cell, so whoever opens it gives it again.
func Example_ownCell() {
	dir, err := os.MkdirTemp("", "run")
	check(err)
	defer os.RemoveAll(dir)

	text, err := datasets.NewText("rhyme", strings.Repeat("one two three four five six seven. ", 90))
	check(err)
	dev, err := device.Open("cpu")
	check(err)
	c := run.Defaults(run.TaskLM)
	c.Model.Cell, c.Model.Hidden, c.Model.Layers = "mgu", 32, 1
	c.Training.LR, c.Training.Batch, c.Training.Seq, c.Training.Epochs = 0.01, 4, 24, 10
	task, err := run.NewLM(c, text, nil, run.Cell("mgu", MGU{}), run.On(dev))
	check(err)
	defer task.Close()
	end, err := run.Train(context.Background(), filepath.Join(dir, "mgu"), task, run.Options{})
	check(err)
	fmt.Printf("%d steps, the validation loss is small: %v\n", end.Step, end.BestLoss < 0.2)

	r, err := run.Open(filepath.Join(dir, "mgu"), run.Cell("mgu", MGU{}), run.On(dev))
	check(err)
	lm, err := r.LanguageModel()
	check(err)
	defer lm.Close()
	prompt, _, err := r.Prompt("prompt", "three four", false)
	check(err)
	check(lm.Write(context.Background(), prompt, 16, decode.Sampling{}, 1, func(s string) error {
		_, err := fmt.Print(s)
		return err
	}))
	// Output:
	// 290 steps, the validation loss is small: true
	//  five six seven.
}

// Halves are the pairs of dates that the examples of attention learn.
func halves() (train, valid *datasets.Pairs) {
	train, valid, err := tasks.Pairs("dates", tasks.Config{Seed: 1, Train: 600, Valid: 50})
	check(err)
	return train, valid
}

// A sequence-to-sequence model with attention learns pairs; Ctrl-C, as a context, stops it with all saved, and
// training again goes on.
func ExampleNewSeq2Seq() {
	dir, err := os.MkdirTemp("", "run")
	check(err)
	defer os.RemoveAll(dir)

	c := run.Defaults(run.TaskSeq2Seq)
	c.Model.Attention, c.Model.Hidden, c.Training.LR, c.Training.Epochs = "general", 32, 0.01, 4
	train := func(ctx context.Context) (run.End, error) {
		pairs, valid := halves()
		task, err := run.NewSeq2Seq(c, pairs, valid)
		check(err)
		defer task.Close()
		return run.Train(ctx, filepath.Join(dir, "dates"), task, run.Options{})
	}

	stopped, cancel := context.WithCancel(context.Background())
	cancel() // before the first step is over
	end, err := train(stopped)
	fmt.Println(end.Step, err != nil)
	end, err = train(context.Background())
	fmt.Println(end.Step, err)

	r, err := run.Open(filepath.Join(dir, "dates"))
	check(err)
	t, err := r.Translator()
	check(err)
	defer t.Close()
	found, err := t.Translate(context.Background(), 1, []string{"15.5.39", "", "23rd of December, 2006"},
		run.TranslateOptions{Beam: decode.Beam{Width: 5, Best: 2}})
	check(err)
	for _, of := range found {
		fmt.Println(len(of), len(of) > 0 && of[0].LogProb >= of[1].LogProb)
	}
	// Output:
	// 1 true
	// 40 <nil>
	// 2 true
	// 0 false
	// 2 true
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

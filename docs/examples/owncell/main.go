// Owncell trains a language model whose cell is its own, opens the run again and lets it write. Stop it with Ctrl-C
// and start it again: it goes on where it was.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/run"
)

// MGU is the minimal gated unit (Zhou et al., 2016):
//
//	f  = σ(W_f·[x; h] + b_f)
//	h' = (1-f) ⊙ h + f ⊙ tanh(W_n·[x; f⊙h] + b_n)
type MGU struct{ F, N *models.Linear }

func (MGU) NewCell(p *models.Params, in, hidden int) (models.Cell, error) {
	return MGU{models.NewLinear(p, "f", in+hidden, hidden), models.NewLinear(p, "n", in+hidden, hidden)}, nil
}

func (MGU) States() int { return 1 }

func (c MGU) Step(b *op.Builder, x *G.Node, states []*G.Node) []*G.Node {
	h := states[0]                                         // x is B×I, h is B×H
	f := b.Sigmoid(c.F.Apply(b, b.Concat(1, x, h)))        // B×H
	n := b.Tanh(c.N.Apply(b, b.Concat(1, x, b.Mul(f, h)))) // B×H
	return []*G.Node{b.Add(b.Mul(b.Affine(f, -1, 1), h), b.Mul(f, n))}
}

func main() {
	dir := flag.String("out", "runs/mgu", "the folder of the run")
	steps := flag.Int("steps", 2000, "how many training steps to take")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	c := run.Defaults(run.TaskLM)
	c.Model.Cell, c.Model.Layers, c.Model.Hidden = "mgu", 1, 128
	c.Training.Epochs, c.Training.Steps, c.Training.ValidEvery = 0, *steps, 100
	text := datasets.Builtin() // or that of a file: datasets.ReadText
	task, err := run.NewLM(c, text, nil, run.Cell("mgu", MGU{}))
	check(err)
	defer task.Close()
	end, err := run.Train(ctx, *dir, task, run.Options{Report: run.Lines(os.Stdout), LogEvery: 100})
	check(err)
	fmt.Printf("best validation loss: %.2f\n", end.BestLoss)

	r, err := run.Open(*dir, run.Cell("mgu", MGU{})) // the folder can only name a cell that is not of package models
	check(err)
	model, err := r.LanguageModel()
	check(err)
	defer model.Close()
	prompt, _, err := r.Prompt("the prompt", "The ", false)
	check(err)
	check(model.Write(ctx, prompt, 80, decode.Sampling{Temperature: 0.7}, 1, func(text string) error {
		_, err := fmt.Print(text)
		return err
	}))
	fmt.Println()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Mingru trains the minGRU of Feng et al. (2024) to classify the texts of a table, saves it, loads it and uses it.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/run"
)

// minGRU is z = σ(W_z·x + b_z) and h' = (1-z) ⊙ h + z ⊙ (W_h·x + b_h).
type minGRU struct{ z, h *models.Linear }

func (minGRU) NewCell(p *models.Params, in, hidden int) (models.Cell, error) {
	return minGRU{models.NewLinear(p, "z", in, hidden), models.NewLinear(p, "h", in, hidden)}, nil
}

func (minGRU) States() int { return 1 }

func (c minGRU) Step(b *op.Builder, x *G.Node, states []*G.Node) []*G.Node {
	z := b.Sigmoid(c.z.Apply(b, x))
	return []*G.Node{b.Add(b.Mul(b.Affine(z, -1, 1), states[0]), b.Mul(z, c.h.Apply(b, x)))}
}

func main() {
	const dir = "runs/mingru"
	ctx, cell := context.Background(), run.Cell("mingru", minGRU{})
	table, err := datasets.ReadTable("table.tsv", datasets.Format{}) // a text, a tab and its label a line
	check(err)
	c := run.Defaults(run.TaskClassify)
	c.Model.Cell, c.Model.Hidden, c.Training.LR, c.Training.Epochs = "mingru", 32, 0.01, 8
	task, err := run.NewClassifier(c, table, nil, cell)
	check(err)
	defer task.Close()
	_, err = run.Train(ctx, dir, task, run.Options{Report: run.Lines(os.Stdout)}) // saves the best and the last weights
	check(err)
	r, err := run.Open(dir, cell)
	check(err)
	model, err := r.Classifier()
	check(err)
	defer model.Close()
	labels, err := model.Classify(ctx, os.Args[1:])
	check(err)
	for i, text := range os.Args[1:] {
		fmt.Println(text, "is", labels[i][0].Name)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

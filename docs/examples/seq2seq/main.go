// Seq2seq trains a translator with attention on a file of pairs, a source, a tab and its target a line, and translates
// the lines that it is given as arguments.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/run"
)

func main() {
	file := flag.String("pairs", "pairs.tsv", "the file of pairs")
	dir := flag.String("out", "runs/pairs", "the folder of the run")
	epochs := flag.Int("epochs", 10, "how often to read all pairs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	check(train(ctx, *file, *dir, *epochs))
	r, err := run.Open(*dir)
	check(err)
	t, err := r.Translator()
	check(err)
	defer t.Close()
	beam := decode.Beam{Width: 5}
	found, err := t.Translate(ctx, 1, flag.Args(), run.TranslateOptions{Beam: beam}) // in batches
	check(err)
	for i, line := range flag.Args() {
		fmt.Printf("%s -> %s\n", line, found[i][0].Text)
	}
}

// train trains in a folder, or goes on there, or leaves alone what is trained already.
func train(ctx context.Context, file, dir string, epochs int) error {
	pairs, err := datasets.ReadPairs(file, datasets.Format{})
	if err != nil {
		return err
	}
	c := run.Defaults(run.TaskSeq2Seq) // a GRU with additive attention
	c.Model.Hidden, c.Training.LR, c.Training.Epochs = 64, 0.01, epochs
	task, err := run.NewSeq2Seq(c, pairs, nil) // a tenth of the pairs is for validation
	if err != nil {
		return err
	}
	defer task.Close()
	end, err := run.Train(ctx, dir, task, run.Options{})
	var finished *run.FinishedError
	if errors.As(err, &finished) {
		return nil
	}
	if err == nil {
		fmt.Printf("%d steps, best validation loss %.2f\n", end.Step, end.BestLoss)
	}
	return err
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Series trains a classifier of series of numbers on a file as the archives UEA and UCR have it (.ts, .tsv),
// and says which classes it gives the series of another, whose lengths may be others.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/trainer/run"
)

func main() {
	file := flag.String("train", "train.ts", "the file of series to learn from, with their labels")
	ask := flag.String("ask", "new.ts", "the file of series to classify")
	dir := flag.String("out", "runs/series", "the folder of the run")
	epochs := flag.Int("epochs", 40, "how often to read all series")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	cases, err := series.ReadCases(*file, series.Options{})
	check(err)
	c := run.Defaults(run.TaskClassify) // a GRU
	c.Model.Hidden, c.Model.Bidirectional, c.Model.Pooling, c.Model.Dropout = 32, true, "mean", 0.3
	c.Model.Series = &run.SeriesModel{Noise: 0.1, Inputs: series.Features{Differences: true}}
	c.Training.Batch, c.Training.LR, c.Training.Epochs = 8, 0.01, *epochs
	task, err := run.NewSeriesClassifier(c, cases, nil) // a tenth of the series is for validation
	check(err)
	defer task.Close()
	end, err := run.Train(ctx, *dir, task, run.Options{Overwrite: true})
	check(err)
	fmt.Printf("%d steps, best validation loss %.2f\n", end.Step, end.BestLoss)

	r, err := run.Open(*dir)
	check(err)
	m, err := r.Classifier()
	check(err)
	defer m.Close()
	others, err := series.ReadCases(*ask, series.Options{})
	check(err)
	found, err := m.ClassifyCases(ctx, others)
	check(err)
	for i, labels := range found {
		fmt.Printf("series %d: %s, probability %.2f\n", i+1, labels[0].Name, labels[0].Probability)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

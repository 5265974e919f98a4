// Gpu trains a classifier of texts on a GPU, if the binary and the machine have what that takes, and else on the
// CPU. A binary for GPUs is built with the tag gpu, in the environment that the Makefile prints:
//
//	eval "$(make -s gpu-env)"
//	go run -tags gpu ./docs/examples/gpu -table names.tsv Rossi Novák
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/trainer/device"
	"github.com/unroll-ml/unroll/trainer/run"
)

func main() {
	file := flag.String("table", "names.tsv", "a table: a text, a tab and its label a line")
	dir := flag.String("out", "runs/names", "the folder of the run")
	epochs := flag.Int("epochs", 10, "how often to read the table")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	say := func(message string) { fmt.Println(message) }
	dev, err := device.Open("auto", device.Tell(say)) // "cuda" is an error without a GPU
	check(err)
	fmt.Println("computing on", dev.Name())

	table, err := datasets.ReadTable(*file, datasets.Format{})
	check(err)
	c := run.Defaults(run.TaskClassify)
	c.Model.Hidden, c.Training.LR, c.Training.Epochs = 32, 0.01, *epochs
	task, err := run.NewClassifier(c, table, nil, run.On(dev))
	check(err)
	defer task.Close()
	end, err := run.Train(ctx, *dir, task, run.Options{})
	check(err) // a *device.MemoryError or *device.LostError says what became of the GPU
	fmt.Printf("best validation loss: %.2f\n", end.BestLoss)

	r, err := run.Open(*dir, run.On(dev))
	check(err)
	model, err := r.Classifier()
	check(err)
	defer model.Close()
	labels, err := model.Classify(ctx, flag.Args())
	check(err)
	for i, text := range flag.Args() {
		fmt.Printf("%s: %s\n", text, labels[i][0].Name)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

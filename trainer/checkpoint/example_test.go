package checkpoint_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// Weights and a position are saved and read again; a file that was changed since is named, and not used.
func ExampleDir_Save() {
	parent, err := os.MkdirTemp("", "checkpoint")
	check(err)
	defer os.RemoveAll(parent)
	in, err := os.OpenRoot(parent) // nothing is written elsewhere
	check(err)
	defer in.Close()
	dir := checkpoint.In(in)

	type position struct{ Epoch int }
	check(dir.Save("last", 1, checkpoint.Contents{ // the one before is kept until this one is whole
		Weights: []checkpoint.Tensor{{Name: "W", Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}}},
		State:   position{Epoch: 3},
		Step:    700,
	}))

	f, err := dir.Open("last")
	check(err)
	defer f.Close()
	weights, err := f.Weights()
	check(err)
	var at position
	check(f.State(&at))
	fmt.Println("step", f.Step(), "epoch", at.Epoch, weights[0].Name, weights[0].Shape, weights[0].Data)

	path := filepath.Join(parent, "last", "weights.safetensors")
	data, err := os.ReadFile(path)
	check(err)
	data[len(data)-1] ^= 1
	check(os.WriteFile(path, data, 0o666))
	damaged, err := checkpoint.Open(filepath.Join(parent, "last"))
	check(err)
	defer damaged.Close()
	_, err = damaged.Weights()
	var corrupt *checkpoint.CorruptError
	fmt.Println("damaged:", errors.As(err, &corrupt) && filepath.Base(corrupt.File) == "weights.safetensors")
	// Output:
	// step 700 epoch 3 W [2 2] [1 2 3 4]
	// damaged: true
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

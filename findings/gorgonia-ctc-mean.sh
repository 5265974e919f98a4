#!/usr/bin/env bash
# Gorgonia v0.9.18: CTCLoss with ReductionMean gives the mean, and as its derivative that of the sum: for 2 sequences with 2 labels each the
# gradient is 4 times the slope of the loss. With ReductionSum it is right. So the learning rate grows with batch and labels. No error.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"math"
	"os"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ctc is the loss of 2 sequences of 4 steps over 3 symbols, with 2 labels each, and the first element of its gradient by the logits,
// to the first of which something is added.
func ctc(reduction G.Reduction, more float64) (loss, slope float64) {
	g := G.NewGraph()
	data := make([]float64, 4*2*3)
	for i := range data {
		data[i] = 0.1 * float64((i*7)%11)
	}
	data[0] += more
	logits := G.NewTensor(g, tensor.Float64, 3, G.WithShape(4, 2, 3), G.WithName("logits"),
		G.WithValue(tensor.New(tensor.WithShape(4, 2, 3), tensor.WithBacking(data))))
	ints := func(name string, shape tensor.Shape, xs ...int) *G.Node {
		v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(xs))
		return G.NewTensor(g, tensor.Int, len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(v))
	}
	cost := G.Must(G.CTCLoss(G.Must(G.LogSoftMax(logits, 2)), ints("labels", tensor.Shape{2, 2}, 1, 2, 2, 1),
		ints("steps", tensor.Shape{2}, 4, 4), ints("lengths", tensor.Shape{2}, 2, 2), reduction))
	var value G.Value
	G.Read(cost, &value)
	if _, err := G.Grad(cost, logits); err != nil {
		panic(err)
	}
	m := G.NewTapeMachine(g, G.BindDualValues(logits))
	defer m.Close()
	if err := m.RunAll(); err != nil {
		panic(err)
	}
	d, err := logits.Grad()
	if err != nil {
		panic(err)
	}
	switch x := value.Data().(type) {
	case float64:
		loss = x
	case []float64:
		loss = x[0]
	}
	return loss, d.Data().([]float64)[0]
}

func main() {
	ratio := func(r G.Reduction) float64 {
		const h = 1e-5
		_, slope := ctc(r, 0)
		above, _ := ctc(r, h)
		below, _ := ctc(r, -h)
		return slope / ((above - below) / (2 * h))
	}
	mean, sum := ratio(G.ReductionMean), ratio(G.ReductionSum)
	fmt.Printf("gorgonia v0.9.18: CTCLoss, gradient divided by the slope that finite differences find: %.4f with ReductionSum, %.4f with ReductionMean (1 expected)\n", sum, mean)
	if math.Abs(sum-1) > 1e-4 || math.Abs(mean-4) > 1e-3 {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 \
  go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 >/dev/null 2>&1
go run .

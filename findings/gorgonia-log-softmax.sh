#!/usr/bin/env bash
# Gorgonia v0.9.18: Log(SoftMax(x)) makes a log-softmax of the SoftMax node itself, so that whoever kept that node and reads it gets logarithms
# of probabilities, and no error: the usual loss of a classifier changes the probabilities that are reported beside it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func main() {
	g := G.NewGraph()
	x := G.NewVector(g, tensor.Float64, G.WithName("x"), G.WithValue(tensor.New(tensor.WithBacking([]float64{1, 2, 3}))))
	p := G.Must(G.SoftMax(x))
	var probabilities G.Value
	G.Read(p, &probabilities)
	G.Must(G.Neg(G.Must(G.Mean(G.Must(G.Log(p)))))) // a loss
	m := G.NewTapeMachine(g)
	defer m.Close()
	if err := m.RunAll(); err != nil {
		panic(err)
	}
	fmt.Printf("gorgonia v0.9.18: SoftMax of 1 2 3, read after a loss was made of its Log: %.4f (0.0900 0.2447 0.6652 expected)\n", probabilities)
	if first := probabilities.Data().([]float64)[0]; first > -2.4 || first < -2.5 {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 \
  go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 >/dev/null 2>&1
go run .

#!/usr/bin/env bash
# Gorgonia v0.9.18: GlobalAveragePool2D computes means, and Grad of it panics with an index out of range instead of an error: the operation has no
# derivative, and the analysis of what can be derived does not ask.
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

// try builds the sum of means of an image, and derives it if that is wanted; it gives the sum and what a panic said.
func try(derive bool) (sum float64, panicked any) {
	defer func() { panicked = recover() }()
	g := G.NewGraph()
	value := tensor.New(tensor.WithShape(1, 2, 2, 2), tensor.WithBacking([]float64{1, 2, 3, 4, 5, 6, 7, 8}))
	x := G.NewTensor(g, tensor.Float64, 4, G.WithShape(1, 2, 2, 2), G.WithName("x"), G.WithValue(value))
	total := G.Must(G.Sum(G.Must(G.GlobalAveragePool2D(x))))
	if derive {
		if _, err := G.Grad(total, x); err != nil {
			fmt.Println("Grad:", err)
		}
	}
	m := G.NewTapeMachine(g)
	defer m.Close()
	if err := m.RunAll(); err != nil {
		fmt.Println("RunAll:", err)
	}
	return total.Value().Data().(float64), nil
}

func main() {
	sum, panicked := try(false)
	fmt.Println("gorgonia v0.9.18: the sum of the means of (1 2 3 4) and (5 6 7 8):", sum, " panic:", panicked)
	_, derived := try(true)
	fmt.Println("gorgonia v0.9.18: with Grad, panic:", derived)
	if sum != 9 || panicked != nil || derived == nil {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 \
  go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 >/dev/null 2>&1
go run .

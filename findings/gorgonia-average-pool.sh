#!/usr/bin/env bash
# Gorgonia v0.9.18: AveragePool2D divides the sum of a window by a number that depends on the size of the image, not of the window: pooled by
# windows of 2×2, an image of ones is 0.67 everywhere if it is 6 wide, and another number if it is 10 wide. No error.
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

// pooled is the first element of an image of ones, averaged over windows of 2×2.
func pooled(side int) float64 {
	g := G.NewGraph()
	ones := tensor.Ones(tensor.Float64, 1, 1, side, side)
	x := G.NewTensor(g, tensor.Float64, 4, G.WithShape(1, 1, side, side), G.WithName("x"), G.WithValue(ones))
	y := G.Must(G.AveragePool2D(x, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
	m := G.NewTapeMachine(g)
	defer m.Close()
	if err := m.RunAll(); err != nil {
		panic(err)
	}
	return y.Value().Data().([]float64)[0]
}

func main() {
	six, ten := pooled(6), pooled(10)
	fmt.Printf("gorgonia v0.9.18: an image of ones, averaged over windows of 2×2: %.4f if it is 6×6, %.4f if it is 10×10 (1 expected)\n", six, ten)
	if six > 0.99 || ten > 0.99 || six == ten {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 \
  go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 >/dev/null 2>&1
go run .

#!/usr/bin/env bash
# Gorgonia v0.9.18: the gradient of ByIndices along axis 1 lands in the wrong columns: of the sum of columns 0 and 2 of a 3 by 3 matrix, all of it is in
# column 0. The value is right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func main() {
	g := G.NewGraph()
	data := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}
	x := G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithValue(tensor.New(tensor.WithShape(3, 3), tensor.WithBacking(data))))
	columns := G.NewVector(g, tensor.Int, G.WithName("columns"), G.WithValue(tensor.New(tensor.WithBacking([]int{0, 2}))))
	sum := G.Must(G.Sum(G.Must(G.ByIndices(x, columns, 1))))
	if _, err := G.Grad(sum, x); err != nil {
		panic(err)
	}
	m := G.NewTapeMachine(g, G.BindDualValues(x))
	defer m.Close()
	if err := m.RunAll(); err != nil {
		panic(err)
	}
	d, err := x.Grad()
	if err != nil {
		panic(err)
	}
	got, want := d.Data().([]float64), []float64{1, 0, 1, 1, 0, 1, 1, 0, 1}
	fmt.Println("gorgonia v0.9.18: sum of columns 0 and 2:", sum.Value(), "(30 expected), its gradient:", got, want, "expected")
	if sum.Value().Data().(float64) != 30 || slices.Equal(got, want) {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 \
  go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 >/dev/null 2>&1
go run .

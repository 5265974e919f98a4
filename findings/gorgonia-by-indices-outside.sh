#!/usr/bin/env bash
# Gorgonia v0.9.18: ByIndices with an index that the matrix has no row for gives no error and no zeros: it gives row 0, as if that had been asked
# for. A token beyond the vocabulary is read as token 0.
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
	x := G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithValue(tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float64{1, 2, 3, 4}))))
	rows := G.NewVector(g, tensor.Int, G.WithName("rows"), G.WithValue(tensor.New(tensor.WithBacking([]int{1, 7}))))
	y := G.Must(G.ByIndices(x, rows, 0))
	m := G.NewTapeMachine(g)
	defer m.Close()
	err := m.RunAll()
	fmt.Println("gorgonia v0.9.18: rows 1 and 7 of [[1 2] [3 4]]:", y.Value().Data(), "error:", err, "(an error expected)")
	if err != nil || !slices.Equal(y.Value().Data().([]float64), []float64{3, 4, 1, 2}) {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 \
  go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 >/dev/null 2>&1
go run .

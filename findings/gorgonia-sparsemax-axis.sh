#!/usr/bin/env bash
# Gorgonia v0.9.18: Sparsemax of a matrix along axis 0 gives columns that do not sum to 1: values are taken along one axis and written along
# the other. Along the last axis it is right. No error.
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

func sparsemax(axis int) []float64 {
	g := G.NewGraph()
	data := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float64{1, 2, 3, 4, 5, 7}))
	x := G.NewMatrix(g, tensor.Float64, G.WithShape(2, 3), G.WithName("x"), G.WithValue(data))
	y := G.Must(G.Sparsemax(x, axis))
	m := G.NewTapeMachine(g)
	defer m.Close()
	if err := m.RunAll(); err != nil {
		panic(err)
	}
	return y.Value().Data().([]float64)
}

func main() {
	down, across := sparsemax(0), sparsemax(1)
	fmt.Println("gorgonia v0.9.18: Sparsemax of [1 2 3; 4 5 7] along axis 1:", across, "(right)")
	fmt.Println("along axis 0:", down, "(0 0 0 1 1 1 expected)")
	wrong := false
	for j := range 3 {
		wrong = wrong || math.Abs(down[j]+down[3+j]-1) > 1e-9 || down[3+j] < down[j] // 4, 5 and 7 are the larger ones
	}
	if !wrong || across[2] != 1 || across[5] != 1 {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 \
  go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 >/dev/null 2>&1
go run .

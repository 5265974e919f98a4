#!/usr/bin/env bash
# Gorgonia v0.9.18: LogSumExp adds the maximum within the logarithm, ln(max + Σ exp(x - max)), where it belongs outside, max + ln Σ exp(x - max).
# Of a vector whose maximum is not near 1 the result is wrong without an error; of a matrix it is an error of shapes along every axis.
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

func main() {
	g := G.NewGraph()
	x := G.NewVector(g, tensor.Float64, G.WithName("x"), G.WithValue(tensor.New(tensor.WithBacking([]float64{-1, -2, -3}))))
	y := G.Must(G.LogSumExp(x, 0))
	m := G.NewTapeMachine(g)
	defer m.Close()
	if err := m.RunAll(); err != nil {
		panic(err)
	}
	got := y.Value().Data().(float64)
	right := math.Log(math.Exp(-1) + math.Exp(-2) + math.Exp(-3))
	fmt.Printf("gorgonia v0.9.18: LogSumExp of -1 -2 -3 is %.4f (%.4f expected)\n", got, right)
	_, err := G.LogSumExp(G.NewMatrix(g, tensor.Float64, G.WithName("matrix"), G.WithShape(2, 3)), 1)
	fmt.Println("of a 2×3 matrix along axis 1:", err)
	within := math.Log(-1 + 1 + math.Exp(-1) + math.Exp(-2))
	if math.Abs(got-within) > 1e-12 || err == nil {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 \
  go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 >/dev/null 2>&1
go run .

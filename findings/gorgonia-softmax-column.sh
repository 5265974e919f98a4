#!/usr/bin/env bash
# Gorgonia v0.9.18: SoftMax of an n×1 matrix, without an axis, takes the column as one vector, and its derivative takes each row as one: the
# gradient of a weighted sum of the probabilities has no negative part, where the parts of a softmax's gradient always sum to 0. No error.
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
	column := func(name string, xs ...float64) *G.Node {
		v := tensor.New(tensor.WithShape(len(xs), 1), tensor.WithBacking(xs))
		return G.NewMatrix(g, tensor.Float64, G.WithShape(len(xs), 1), G.WithName(name), G.WithValue(v))
	}
	x, w := column("x", 1, 2, 3), column("w", 1, 10, 100)
	p := G.Must(G.SoftMax(x))
	cost := G.Must(G.Sum(G.Must(G.HadamardProd(p, w))))
	if _, err := G.Grad(cost, x); err != nil {
		panic(err)
	}
	m := G.NewTapeMachine(g, G.BindDualValues(x))
	defer m.Close()
	if err := m.RunAll(); err != nil {
		panic(err)
	}
	dx, err := x.Grad()
	if err != nil {
		panic(err)
	}
	got, ps, mean := dx.Data().([]float64), p.Value().Data().([]float64), cost.Value().Data().(float64)
	var right []float64
	sum := 0.0
	for i, w := range []float64{1, 10, 100} {
		right = append(right, ps[i]*(w-mean))
		sum += got[i]
	}
	fmt.Printf("gorgonia v0.9.18: SoftMax of the column 1 2 3 is %.4f\n", ps)
	fmt.Printf("the gradient of its product with 1 10 100 is %.4f (%.4f expected)\n", got, right)
	if math.Abs(ps[0]+ps[1]+ps[2]-1) > 1e-9 || math.Abs(sum) < 1 {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 \
  go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 >/dev/null 2>&1
go run .

#!/usr/bin/env bash
# Gorgonia v0.9.18: Tensordot over all axes of two vectors is a node whose shape is that of a scalar, (), and whose value at run time has the shape (1).
# So its product with a scalar node is built without an error, and fails when the graph runs; the product of two scalar nodes runs.
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

func vector(g *G.ExprGraph, name string, x ...float64) *G.Node {
	return G.NewVector(g, tensor.Float64, G.WithShape(len(x)), G.WithName(name), G.WithValue(tensor.New(tensor.WithBacking(x))))
}

// run gives the shape of x as a node and the error of twice x.
func run(g *G.ExprGraph, x *G.Node) (string, error) {
	two := G.NewScalar(g, tensor.Float64, G.WithName("two"), G.WithValue(2.0))
	shape := fmt.Sprint(x.Shape())
	twice, err := G.HadamardProd(x, two)
	if err != nil {
		panic(err)
	}
	m := G.NewTapeMachine(g)
	defer m.Close()
	err = m.RunAll()
	if err == nil {
		fmt.Println("  value:", twice.Value())
	}
	return shape, err
}

func main() {
	g := G.NewGraph()
	dot := G.Must(G.Tensordot([]int{0}, []int{0}, vector(g, "x", 1, 2, 3), vector(g, "y", 4, 5, 6)))
	dotShape, dotErr := run(g, dot)
	fmt.Printf("gorgonia v0.9.18: 2·Tensordot(x, y): node of shape %s, error: %v\n", dotShape, dotErr)

	g = G.NewGraph()
	sum := G.Must(G.Sum(G.Must(G.HadamardProd(vector(g, "x", 1, 2, 3), vector(g, "y", 4, 5, 6)))))
	sumShape, sumErr := run(g, sum)
	fmt.Printf("gorgonia v0.9.18: 2·Sum(x⊙y):       node of shape %s, error: %v\n", sumShape, sumErr)
	if dotShape != sumShape || dotErr == nil || sumErr != nil {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 \
  go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 >/dev/null 2>&1
go run .

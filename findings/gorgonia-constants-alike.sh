#!/usr/bin/env bash
# Gorgonia v0.9.18: two tensor constants without names that print alike become one node. What is printed leaves out the middle of a large
# table, so constants that differ there are taken for one, in every product and sum that they are part of.
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

// constant is a table of 30 by 30 zeros, but for one element in the middle.
func constant(middle float64) *tensor.Dense {
	data := make([]float64, 900)
	data[15*30+15] = middle
	return tensor.New(tensor.WithShape(30, 30), tensor.WithBacking(data))
}

func main() {
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithShape(30, 30), G.WithInit(G.Ones()))
	c := G.Must(G.Sum(G.Must(G.HadamardProd(x, G.NewConstant(constant(1))))))
	d := G.Must(G.Sum(G.Must(G.HadamardProd(x, G.NewConstant(constant(2))))))
	m := G.NewTapeMachine(g)
	defer m.Close()
	if err := m.RunAll(); err != nil {
		panic(err)
	}
	fmt.Println("gorgonia v0.9.18: constants with 1 and 2 in the middle: one node:", c == d, " sums:", c.Value(), d.Value(), "(1 and 2 expected)")
	if c != d || c.Value().Data().(float64) != d.Value().Data().(float64) {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 \
  go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 >/dev/null 2>&1
go run .

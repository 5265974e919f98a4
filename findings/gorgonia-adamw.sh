#!/usr/bin/env bash
# Gorgonia v0.9.18: Step of the AdamW solver returns no error and changes no weight: it computes the new weights in a tensor of its own.
# Vanilla, with the same weights and gradients, moves them. Read from: NewAdamW and Step in solvers.go; seen by running them.
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

// trained are two weights of 1 after ten steps with a gradient of 2.
func trained(s G.Solver) []float64 {
	g := G.NewGraph()
	w := G.NewVector(g, tensor.Float64, G.WithName("w"), G.WithValue(tensor.New(tensor.WithBacking([]float64{1, 1}))))
	cost := G.Must(G.Sum(G.Must(G.Mul(w, G.NewConstant(2.0)))))
	if _, err := G.Grad(cost, w); err != nil {
		panic(err)
	}
	m := G.NewTapeMachine(g, G.BindDualValues(w))
	defer m.Close()
	for range 10 {
		if err := m.RunAll(); err != nil {
			panic(err)
		}
		if err := s.Step([]G.ValueGrad{w}); err != nil {
			panic(err)
		}
		m.Reset()
	}
	return w.Value().Data().([]float64)
}

func main() {
	adamw := trained(G.NewAdamW(G.WithLearnRate(0.1)))
	vanilla := trained(G.NewVanillaSolver(G.WithLearnRate(0.1)))
	fmt.Println("gorgonia v0.9.18: after ten steps from 1, gradient 2, rate 0.1: AdamW", adamw, "(about 0 expected), Vanilla", vanilla)
	if adamw[0] != 1 || vanilla[0] == 1 {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 \
  go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 >/dev/null 2>&1
go run .

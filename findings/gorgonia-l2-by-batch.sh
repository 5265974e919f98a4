#!/usr/bin/env bash
# Gorgonia v0.9.18: with WithBatchSize(n) the solvers divide by n after they have added the regularisation, so WithL2Reg and WithL1Reg act n
# times less; the same loss and the same constant regularise a batch of 10 a tenth as much. Documented nowhere; seen by running it.
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

// after is a weight of 1 after one step with a gradient of 0, so that the regularisation alone moves it.
func after(opts ...G.SolverOpt) float64 {
	g := G.NewGraph()
	w := G.NewVector(g, tensor.Float64, G.WithName("w"), G.WithValue(tensor.New(tensor.WithBacking([]float64{1, 1}))))
	cost := G.Must(G.Sum(G.Must(G.Mul(w, G.NewConstant(0.0)))))
	if _, err := G.Grad(cost, w); err != nil {
		panic(err)
	}
	m := G.NewTapeMachine(g, G.BindDualValues(w))
	defer m.Close()
	if err := m.RunAll(); err != nil {
		panic(err)
	}
	if err := G.NewVanillaSolver(append(opts, G.WithLearnRate(0.1), G.WithL2Reg(1))...).Step([]G.ValueGrad{w}); err != nil {
		panic(err)
	}
	return w.Value().Data().([]float64)[0]
}

func main() {
	one, ten := after(), after(G.WithBatchSize(10))
	fmt.Printf("gorgonia v0.9.18: WithL2Reg(1), rate 0.1, gradient 0: 1 becomes %.3f; with WithBatchSize(10) it becomes %.3f\n", one, ten)
	if math.Abs(one-0.9) > 1e-12 || math.Abs(ten-0.99) > 1e-12 {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 \
  go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 >/dev/null 2>&1
go run .

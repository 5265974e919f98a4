#!/usr/bin/env bash
# Gorgonia v0.9.18: WithClip limits the gradients that RMSProp takes of vectors and matrices, but not those of scalars, which pass unclipped;
# Vanilla and Adam clip both. Seen by running it: the mean square that RMSProp keeps tells which gradient came in.
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

// moved is how far one step takes a weight whose gradient is 5, with gradients clipped at 0.0001.
func moved(w *G.Node, cost *G.Node) float64 {
	if _, err := G.Grad(cost, w); err != nil {
		panic(err)
	}
	m := G.NewTapeMachine(w.Graph(), G.BindDualValues(w))
	defer m.Close()
	if err := m.RunAll(); err != nil {
		panic(err)
	}
	if err := G.NewRMSPropSolver(G.WithLearnRate(0.1), G.WithClip(0.0001)).Step([]G.ValueGrad{w}); err != nil {
		panic(err)
	}
	switch v := w.Value().Data().(type) {
	case float64:
		return 1 - v
	case []float64:
		return 1 - v[0]
	}
	panic("another type")
}

func main() {
	g := G.NewGraph()
	scalar := G.NewScalar(g, tensor.Float64, G.WithName("w"), G.WithValue(1.0))
	s := moved(scalar, G.Must(G.Mul(scalar, G.NewConstant(5.0))))
	g = G.NewGraph()
	vector := G.NewVector(g, tensor.Float64, G.WithName("w"), G.WithValue(tensor.New(tensor.WithBacking([]float64{1, 1}))))
	v := moved(vector, G.Must(G.Sum(G.Must(G.Mul(vector, G.NewConstant(5.0))))))
	fmt.Printf("gorgonia v0.9.18: RMSProp, WithClip(0.0001), gradient 5: an element of a vector moves by %.6f, a scalar by %.6f\n", v, s)
	if math.Abs(v) > 0.001 || s < 3 {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 \
  go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 >/dev/null 2>&1
go run .

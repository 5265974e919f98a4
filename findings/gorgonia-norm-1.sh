#!/usr/bin/env bash
# Gorgonia v0.9.18: Norm with p = 1 forgets the absolute values: of (-3, 4) it is 1 and not 7, and of (-3, 1) it is -2, which no norm can be. Norm with
# p = 2 is right.
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

func norm(p int, x ...float64) float64 {
	g := G.NewGraph()
	v := G.NewVector(g, tensor.Float64, G.WithName("x"), G.WithValue(tensor.New(tensor.WithBacking(x))))
	n := G.Must(G.Norm(v, 0, p))
	m := G.NewTapeMachine(g)
	defer m.Close()
	if err := m.RunAll(); err != nil {
		panic(err)
	}
	return n.Value().Data().(float64)
}

func main() {
	fmt.Println("gorgonia v0.9.18: Norm with p = 2 of (-3, 4):", norm(2, -3, 4), " with p = 1:", norm(1, -3, 4), "(7 expected), of (-3, 1):", norm(1, -3, 1), "(4 expected)")
	if norm(2, -3, 4) != 5 || norm(1, -3, 4) != 1 || norm(1, -3, 1) != -2 {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 \
  go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 >/dev/null 2>&1
go run .

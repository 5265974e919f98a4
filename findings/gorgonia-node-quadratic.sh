#!/usr/bin/env bash
# Gorgonia v0.9.18: adding n nodes to a graph takes time that grows with n squared: each node is looked for among all that are there, one by one
# (ExprGraph.node), also by every operation that is applied. Four times as many nodes take about 16 times as long.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"time"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// build is the least time of three in which a chain of so many additions was built.
func build(nodes int) time.Duration {
	least := time.Hour
	for range 3 {
		g := G.NewGraph()
		x := G.NewScalar(g, tensor.Float64, G.WithName("x"))
		one := G.NewScalar(g, tensor.Float64, G.WithName("one"))
		begin := time.Now()
		for range nodes {
			x = G.Must(G.Add(x, one))
		}
		least = min(least, time.Since(begin))
	}
	return least
}

func main() {
	few, many := build(4000), build(16000)
	ratio := many.Seconds() / few.Seconds()
	fmt.Printf("gorgonia v0.9.18: 4,000 additions are built in %v, 16,000 in %v: %.1f times as long\n", few, many, ratio)
	if ratio < 7 {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 \
  go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 >/dev/null 2>&1
go run .

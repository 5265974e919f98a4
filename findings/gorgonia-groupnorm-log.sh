#!/usr/bin/env bash
# Gorgonia v0.9.18: each run of the derivative of GroupNorm writes a line to the program's standard logger, whatever loggers the machine has been
# given: a line for each training step, in the log of a service.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func main() {
	g := G.NewGraph()
	x := G.NewTensor(g, tensor.Float64, 4, G.WithShape(1, 4, 2, 2), G.WithName("x"), G.WithInit(G.Gaussian(0, 1)))
	scale := G.NewTensor(g, tensor.Float64, 4, G.WithShape(1, 4, 1, 1), G.WithName("scale"), G.WithInit(G.Ones()))
	bias := G.NewTensor(g, tensor.Float64, 4, G.WithShape(1, 4, 1, 1), G.WithName("bias"), G.WithInit(G.Zeroes()))
	y, err := G.GroupNorm(x, scale, bias, 2, 4, 1e-5)
	if err != nil {
		panic(err)
	}
	cost := G.Must(G.Sum(G.Must(G.Square(y))))
	if _, err := G.Grad(cost, x); err != nil {
		panic(err)
	}
	var written bytes.Buffer
	log.SetOutput(&written)
	m := G.NewTapeMachine(g, G.BindDualValues(x))
	defer m.Close()
	for range 3 {
		if err := m.RunAll(); err != nil {
			panic(err)
		}
		m.Reset()
	}
	lines := bytes.Count(written.Bytes(), []byte("outgrad"))
	fmt.Println("gorgonia v0.9.18: lines that three runs of a derivative of GroupNorm wrote to the standard logger:", lines, "(0 expected)")
	if lines != 3 {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 \
  go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 >/dev/null 2>&1
go run .

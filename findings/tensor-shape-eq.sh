#!/usr/bin/env bash
# gorgonia.org/tensor v0.9.24: Shape.Eq holds a vector of 3 and a matrix of 1 by 3, or of 3 by 1, for equal, so that a check of shapes by Eq lets a
# transposed operand through, and Eq is not transitive: (1, 3) and (3, 1) differ.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"gorgonia.org/tensor"
)

func main() {
	vector, row, column := tensor.Shape{3}, tensor.Shape{1, 3}, tensor.Shape{3, 1}
	fmt.Println("tensor v0.9.24: (3).Eq((1, 3)):", vector.Eq(row), " (3).Eq((3, 1)):", vector.Eq(column), " (1, 3).Eq((3, 1)):", row.Eq(column))
	if !vector.Eq(row) || !vector.Eq(column) || row.Eq(column) {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 \
  go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 >/dev/null 2>&1
go run .

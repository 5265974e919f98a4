//go:build gpu && linux && cgo

// Command build compiles the fake driver, cuBLAS and NCCL into a folder, for programs that are to find them there.
package main

import (
	"fmt"
	"os"

	"github.com/unroll-ml/unroll/cuda/driver/internal/fake"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: build FOLDER")
		os.Exit(2)
	}
	err := os.MkdirAll(os.Args[1], 0o777)
	if err == nil {
		_, err = fake.Build(os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

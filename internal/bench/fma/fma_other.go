//go:build !amd64

package fma

func kernelOf(string) (kernel func(rounds int), flop float64) { return nil, 0 }

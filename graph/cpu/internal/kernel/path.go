package kernel

import (
	"slices"
	"strings"

	"github.com/pkg/errors"
)

//go:generate go run ./gen/neon -out kernels_arm64.s -stubs kernels_arm64.go

// The instruction paths.
const (
	AVX512BF16 = "avx512bf16" // x86-64 with AVX-512 F, VL, BW, DQ and BF16: as AVX512 but for products of bfloat16
	AVX512     = "avx512"     // x86-64 with AVX-512 F, VL, BW and DQ
	AVX2       = "avx2"       // x86-64 with AVX2 and FMA
	NEON       = "neon"       // arm64
	Portable   = "portable"   // any processor
)

var names = []string{AVX512BF16, AVX512, AVX2, NEON, Portable}

// Paths lists the paths that this machine can run, the best first.
func Paths() []string { return append(machinePaths(), Portable) }

// Choose returns the path with the given name, or the best if the name is empty.
func Choose(name string) (string, error) {
	paths := Paths()
	if name == "" {
		return paths[0], nil
	}
	if slices.Contains(paths, name) {
		return name, nil
	}
	if slices.Contains(names, name) {
		return "", errors.Errorf("this machine cannot run %q; it can run %s", name, strings.Join(paths, ", "))
	}
	return "", errors.Errorf("unknown name %q; the names are %s", name, strings.Join(names, ", "))
}

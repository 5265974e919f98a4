package kernel

import (
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// The instruction paths.
const (
	AVX512   = "avx512"   // x86-64 with AVX-512 F, VL, BW and DQ
	AVX2     = "avx2"     // x86-64 with AVX2 and FMA
	Portable = "portable" // any processor
)

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
	if name == AVX512 || name == AVX2 {
		return "", errors.Errorf("this machine cannot run %q; it can run %s", name, strings.Join(paths, ", "))
	}
	return "", errors.Errorf("unknown name %q; the names are %s, %s and %s", name, AVX512, AVX2, Portable)
}

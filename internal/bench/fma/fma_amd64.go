package fma

// Each round is 24 independent multiply-adds, more than any processor has under way, of 16 or of 8 floats. avx2
// has 16 registers, hence 12 of them, twice.
const chains = 24

//go:noescape
func avx512(rounds int)

//go:noescape
func avx2(rounds int)

func kernelOf(path string) (kernel func(rounds int), flop float64) {
	switch path {
	case "avx512bf16", "avx512":
		return avx512, 2 * 16 * chains
	case "avx2":
		return avx2, 2 * 8 * chains
	}
	return nil, 0
}

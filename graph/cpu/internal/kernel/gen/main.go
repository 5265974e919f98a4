//go:build generate

// Command gen writes the assembly of package kernel with avo.
//
// Every vector function is written once, against simd, and generated for AVX-512 and for AVX2. The sgemm tiles
// and the packing, where the number of registers decides the shape, are written for each. Instructions of AVX512_BF16,
// which neither avo nor Go's assembler knows, are written as bytes (bf16.go).
package main

import (
	"flag"

	. "github.com/mmcloughlin/avo/build"
)

func main() {
	ConstraintExpr("amd64")
	for _, s := range []simd{avx512, avx2} {
		functions(s)
		reductions(s)
		uniform(s)
	}
	tilesAVX512()
	tilesAVX2()
	row(avx2, plain, 32)
	row(avx2, plain, 16)
	row(avx2, rounded, 32)
	row(avx2, rounded, 16)
	row(avx2, halves, 16)
	row(avx512, pairs, 32)
	packAVX512()
	packAVX2()
	packBF16()
	int8Row()
	Generate()
	writeBF16(flag.Lookup("out").Value.String())
}

//go:build generate

// Command gen writes the assembly of package kernel with avo.
//
// Every vector function is written once, against simd, and generated for AVX-512 and for AVX2. The sgemm tiles
// and the packing, where the number of registers decides the shape, are written for each.
package main

import . "github.com/mmcloughlin/avo/build"

func main() {
	ConstraintExpr("amd64")
	for _, s := range []simd{avx512, avx2} {
		functions(s)
		reductions(s)
		uniform(s)
	}
	tilesAVX512()
	tilesAVX2()
	row("rowOf32AVX2", 32)
	row("rowOf16AVX2", 16)
	packAVX512()
	packAVX2()
	Generate()
}

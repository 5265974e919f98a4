package kernel

import "math"

var (
	tilesBF16AVX512 = [...]packedTile{
		nil, tile1BF16AVX512, tile2BF16AVX512, tile3BF16AVX512, tile4BF16AVX512, tile5BF16AVX512, tile6BF16AVX512,
		tile7BF16AVX512, tile8BF16AVX512, tile9BF16AVX512, tile10BF16AVX512, tile11BF16AVX512, tile12BF16AVX512,
		tile13BF16AVX512, tile14BF16AVX512,
	}
	tilesBF16AVX2 = [...]packedTile{
		nil, tile1BF16AVX2, tile2BF16AVX2, tile3BF16AVX2, tile4BF16AVX2, tile5BF16AVX2, tile6BF16AVX2,
	}
	tilesPairsAVX512 = [...]packedTile{
		nil, tile1PairsAVX512, tile2PairsAVX512, tile3PairsAVX512, tile4PairsAVX512, tile5PairsAVX512, tile6PairsAVX512,
		tile7PairsAVX512, tile8PairsAVX512, tile9PairsAVX512, tile10PairsAVX512, tile11PairsAVX512, tile12PairsAVX512,
		tile13PairsAVX512, tile14PairsAVX512,
	}
)

var setAVX512BF16, roundedAVX512, roundedAVX2, halvesAVX2 = avx512BF16(), avx512Rounded(), avx2Rounded(), avx2Halves()

// avx2Rounded multiplies terms that are rounded, with the fused multiply-adds of AVX2.
func avx2Rounded() Set[float32] {
	s := setAVX2
	s.Tile, s.Row, s.Pack, s.Pairs = packedTiles(tilesBF16AVX2[:]), rowOf16BF16AVX2, packRounded, 2
	s.ByRow = &halvesAVX2
	return s
}

func avx512Rounded() Set[float32] {
	s := setAVX512
	s.Tile, s.Row, s.Pack, s.Pairs = packedTiles(tilesBF16AVX512[:]), rowOf32BF16AVX2, packRounded, 2
	s.ByRow = &halvesAVX2
	return s
}

// avx2Halves multiplies rows of pairs of two elements by a matrix of pairs in one element.
func avx2Halves() Set[float32] {
	s := setAVX2
	s.MR, s.Pairs = 1, 1
	s.Tile, s.Row, s.Pack = packedTiles([]packedTile{nil, tile1HalvesAVX2}), rowOf16HalvesAVX2, pairBF16
	return s
}

// avx512BF16 has instructions for pairs of terms.
func avx512BF16() Set[float32] {
	s := setAVX512
	s.Path = AVX512BF16
	s.Tile, s.Row, s.Pairs = packedTiles(tilesPairsAVX512[:]), rowOf32PairsAVX512, 1
	s.Pack = packPairs(packCopyPairsAVX512, transposePairsAVX512)
	s.Flops = 2 * setAVX512.Flops
	return s
}

// packedTiles is Tile for packed operands alone.
func packedTiles(
	tiles []packedTile,
) func(m, n, k int, a *float32, aRow, aK int, b *float32, bK int, c *float32, cRow int, acc bool) {
	return func(m, n, k int, a *float32, _, aK int, b *float32, _ int, c *float32, cRow int, acc bool) {
		tiles[m](k, a, aK, b, c, cRow, n, acc)
	}
}

var wholeBF16AVX2 = wholeVectors{2, packCopyBF16AVX2, transposeBF16AVX2, packBF16}

// packRounded is Set.Pack for pairs of two elements.
func packRounded(dst *float32, width, n, k int, src *float32, srcI, srcK int) {
	if width == 1 && srcK == 1 {
		whole := k &^ 7
		roundRowBF16AVX2(whole, dst, src)
		wholeBF16AVX2.packRest(dst, width, n, k, src, srcI, srcK, whole)
		return
	}
	wholeBF16AVX2.pack(dst, width, n, k, src, srcI, srcK)
}

// packPairs is Set.Pack for pairs in one element: by copying rows that are contiguous in i, and transposing others.
func packPairs(
	copying func(dst *float32, width, n, k int, src *float32, srcK int),
	transposing func(n, width, k int, dst *float32, dstP int, src *float32, srcI int),
) func(dst *float32, width, n, k int, src *float32, srcI, srcK int) {
	return func(dst *float32, width, n, k int, src *float32, srcI, srcK int) {
		whole := k &^ 31
		if srcI == 1 {
			whole = k &^ 1
			copying(dst, width, n, whole, src, srcK)
		} else {
			for i := 0; i < n && whole > 0; i += 16 {
				transposing(min(16, n-i), width-i, whole, at(dst, i), width, at(src, i*srcI), srcI)
			}
			clearColumns(dst, width, roundUp(n, 16), whole/2)
		}
		if whole < k {
			pairBF16(at(dst, whole/2*width), width, n, k-whole, at(src, whole*srcK), srcI, srcK)
		}
	}
}

// pairBF16 is such a packing in plain loops.
func pairBF16(dst *float32, width, n, k int, src *float32, srcI, srcK int) {
	if k == 0 || n == 0 {
		return
	}
	d, s := vec(dst, (k+1)/2*width), vec(src, (n-1)*srcI+(k-1)*srcK+1)
	clear(d)
	for p := range k {
		row := d[p/2*width:][:n]
		for i := range row {
			bits := math.Float32bits(roundBF16(s[i*srcI+p*srcK]))
			if p%2 == 0 {
				bits >>= 16
			}
			row[i] = math.Float32frombits(math.Float32bits(row[i]) | bits)
		}
	}
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

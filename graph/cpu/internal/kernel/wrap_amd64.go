package kernel

var (
	tilesAVX512 = [...]packedTile{
		nil, tile1AVX512, tile2AVX512, tile3AVX512, tile4AVX512, tile5AVX512, tile6AVX512, tile7AVX512, tile8AVX512,
		tile9AVX512,
		tile10AVX512, tile11AVX512, tile12AVX512, tile13AVX512, tile14AVX512,
	}
	tilesAVX2 = [...]packedTile{
		nil, tile1AVX2, tile2AVX2, tile3AVX2, tile4AVX2, tile5AVX2, tile6AVX2,
	}
	stridedAVX512 = [...]stridedTile{nil, strided1AVX512, strided2AVX512, strided3AVX512, strided4AVX512}
	stridedAVX2   = [...]stridedTile{nil, strided1AVX2, strided2AVX2, strided3AVX2, strided4AVX2}
)

// A packedTile is Tile for packed operands and a number of rows.
type packedTile func(k int, a *float32, aK int, b, c *float32, cRow, n int, acc bool)

// A stridedTile is Tile for operands that are not packed, and for few rows.
type stridedTile func(k int, a *float32, aRow, aK int, b *float32, bK int, c *float32, cRow, n int, acc bool)

func tileAVX512(m, n, k int, a *float32, aRow, aK int, b *float32, bK int, c *float32, cRow int, acc bool) {
	if aRow == 1 && bK == 32 {
		tilesAVX512[m](k, a, aK, b, c, cRow, n, acc)
		return
	}
	stridedTiles(stridedAVX512[:], m, n, k, a, aRow, aK, b, bK, c, cRow, acc)
}

func tileAVX2(m, n, k int, a *float32, aRow, aK int, b *float32, bK int, c *float32, cRow int, acc bool) {
	if aRow == 1 && bK == 16 {
		tilesAVX2[m](k, a, aK, b, c, cRow, n, acc)
		return
	}
	stridedTiles(stridedAVX2[:], m, n, k, a, aRow, aK, b, bK, c, cRow, acc)
}

func stridedTiles(
	tiles []stridedTile, m, n, k int, a *float32, aRow, aK int, b *float32, bK int, c *float32, cRow int, acc bool,
) {
	most := len(tiles) - 1
	for i := 0; i < m; i += most {
		tiles[min(most, m-i)](k, at(a, i*aRow), aRow, aK, b, bK, at(c, i*cRow), cRow, n, acc)
	}
}

func packAVX512(dst *float32, width, n, k int, src *float32, srcI, srcK int) {
	if srcI == 1 {
		packCopyAVX512(dst, width, n, k, src, srcK)
		return
	}
	whole := k &^ 15
	for i := 0; i < n && whole > 0; i += 16 {
		transposeAVX512(min(16, n-i), width-i, whole, at(dst, i), width, at(src, i*srcI), srcI)
	}
	finishPack(16, dst, width, n, k, src, srcI, whole)
}

// wholeVectors are the kernels of a Set.Pack that store whole vectors, of which what lies beyond the width falls on the
// rows that follow: so columns are packed from the right to the left, rows in their order, and the last rows apart.
type wholeVectors struct {
	terms     int // that copy takes together
	copy      func(dst *float32, dstP, n, k int, src *float32, srcK int)
	transpose func(n, width, k int, dst *float32, dstP int, src *float32, srcI int)
	rest      func(dst *float32, width, n, k int, src *float32, srcI, srcK int)
}

func (v *wholeVectors) pack(dst *float32, width, n, k int, src *float32, srcI, srcK int) {
	const lanes = 8
	beyond := roundUp(width, lanes) - width
	whole := max(0, k-roundUp(beyond, width)/width)
	if srcI == 1 {
		whole -= whole % v.terms
		for i := roundUp(width, lanes) - lanes; i >= 0; i -= lanes {
			v.copy(at(dst, i), width, max(0, min(lanes, n-i)), whole, at(src, min(i, n-1)), srcK)
		}
	} else {
		whole &^= lanes - 1
		clearColumns(dst, width, roundUp(n, lanes), whole)
		for i := roundUp(n, lanes) - lanes; i >= 0; i -= lanes {
			v.transpose(min(lanes, n-i), lanes, whole, at(dst, i), width, at(src, i*srcI), srcI)
		}
	}
	v.packRest(dst, width, n, k, src, srcI, srcK, whole)
}

// packRest packs the terms after so many, if there are any: their address may else lie behind the operand.
func (v *wholeVectors) packRest(dst *float32, width, n, k int, src *float32, srcI, srcK, whole int) {
	if whole < k {
		v.rest(at(dst, whole*width), width, n, k-whole, at(src, whole*srcK), srcI, srcK)
	}
}

var wholeAVX2 = wholeVectors{1, packCopyAVX2, transposeAVX2, pack[float32]}

func packAVX2(dst *float32, width, n, k int, src *float32, srcI, srcK int) {
	if srcI == 1 && width == 16 { // both vectors of a row at once
		packCopy16AVX2(dst, width, n, k, src, srcK)
		return
	}
	wholeAVX2.pack(dst, width, n, k, src, srcI, srcK)
}

// finishPack packs what does not fill a vector: the last terms, and the zeros beyond the vectors that hold the
// n elements.
func finishPack(lanes int, dst *float32, width, n, k int, src *float32, srcI, whole int) {
	clearColumns(dst, width, roundUp(n, lanes), whole)
	if whole < k {
		pack(at(dst, whole*width), width, n, k-whole, at(src, whole), srcI, 1)
	}
}

func transposeWithAVX512(n, k int, dst *float32, dstP int, src *float32, srcI int) {
	whole := k &^ 15
	for i := 0; i < n && whole > 0; i += 16 {
		transposeAVX512(min(16, n-i), min(16, n-i), whole, at(dst, i), dstP, at(src, i*srcI), srcI)
	}
	transpose(n, k-whole, at(dst, whole*dstP), dstP, at(src, whole), srcI)
}

func transposeWithAVX2(n, k int, dst *float32, dstP int, src *float32, srcI int) {
	whole := k &^ 7
	for i := 0; i < n && whole > 0; i += 8 {
		transposeAVX2(min(8, n-i), min(8, n-i), whole, at(dst, i), dstP, at(src, i*srcI), srcI)
	}
	transpose(n, k-whole, at(dst, whole*dstP), dstP, at(src, whole), srcI)
}

func drawAVX512(n int, dst *float32, block, stream uint32, key *[4]int32) {
	words := [6]uint32{block, stream, uint32(key[2]), uint32(key[3]), uint32(key[0]), uint32(key[1])}
	whole := n / 64
	uniformAVX512(whole, dst, &words)
	if left := n % 64; left > 0 {
		var rest [64]float32
		words[0] += uint32(16 * whole)
		uniformAVX512(1, &rest[0], &words)
		copy(vec(at(dst, 64*whole), left), rest[:])
	}
}

func drawAVX2(n int, dst *float32, block, stream uint32, key *[4]int32) {
	words := [6]uint32{block, stream, uint32(key[2]), uint32(key[3]), uint32(key[0]), uint32(key[1])}
	whole := n / 32
	uniformAVX2(whole, dst, &words)
	if left := n % 32; left > 0 {
		var rest [32]float32
		words[0] += uint32(8 * whole)
		uniformAVX2(1, &rest[0], &words)
		copy(vec(at(dst, 32*whole), left), rest[:])
	}
}

package kernel

var (
	tilesNEON = [...]func(k int, a *float32, aK int, b, c *float32, cRow, n int, acc bool){
		nil, tile1NEON, tile2NEON, tile3NEON, tile4NEON, tile5NEON, tile6NEON, tile7NEON, tile8NEON, tile9NEON, tile10NEON,
		tile11NEON, tile12NEON,
	}
	stridedNEON = [...]func(
		k int, a *float32, aRow, aK int, b *float32, bK int, c *float32, cRow, n int, acc bool,
	){
		nil, strided1NEON, strided2NEON, strided3NEON, strided4NEON,
	}
)

func tileNEON(m, n, k int, a *float32, aRow, aK int, b *float32, bK int, c *float32, cRow int, acc bool) {
	if aRow == 1 && bK == 8 {
		tilesNEON[m](k, a, aK, b, c, cRow, n, acc)
		return
	}
	const most = len(stridedNEON) - 1
	for i := 0; i < m; i += most {
		stridedNEON[min(most, m-i)](k, at(a, i*aRow), aRow, aK, b, bK, at(c, i*cRow), cRow, n, acc)
	}
}

func packNEON(dst *float32, width, n, k int, src *float32, srcI, srcK int) {
	if srcI == 1 {
		copyRowsNEON(n, k, dst, width, src, srcK)
	} else {
		transposeWithNEON(n, k, dst, width, src, srcI)
	}
	clearColumns(dst, width, n, k)
}

func transposeWithNEON(n, k int, dst *float32, dstP int, src *float32, srcI int) {
	rows, terms := n&^3, k&^3
	for i := 0; i < rows; i += 4 {
		transposeNEON(terms/4, at(dst, i), dstP, at(src, i*srcI), srcI)
	}
	if terms < k {
		transpose(rows, k-terms, at(dst, terms*dstP), dstP, at(src, terms), srcI)
	}
	if rows < n {
		transpose(n-rows, k, at(dst, rows), dstP, at(src, rows*srcI), srcI)
	}
}

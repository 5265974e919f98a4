package main

// packing generates the two ways of Set.Pack: rows are copied, or squares of four rows are transposed.
func (f *file) packing() {
	f.copyRows()
	f.transpose()
}

func (f *file) copyRows() {
	f.function("copyRowsNEON", "dst[p*dstP+i] = src[p*srcP+i] for i < n and p < k, where n is not 0",
		"n, k int, dst *float32, dstP int, src *float32, srcP int", func(fn *function) {
			const n, k, dst, dstP, src, srcP, to, from, left gp = 0, 1, 2, 3, 4, 5, 6, 7, 8
			fn.param("n", n)
			fn.param("k", k)
			fn.param("dst", dst)
			fn.paramBytes("dstP", dstP)
			fn.param("src", src)
			fn.paramBytes("srcP", srcP)
			fn.raw("CBZ R%d, done", k)
			fn.label("row")
			fn.raw("MOVD R%d, R%d", dst, to)
			fn.raw("MOVD R%d, R%d", src, from)
			fn.raw("SUBS $4, R%d, R%d", n, left)
			fn.raw("BLT words")
			fn.label("vector")
			fn.emit(wholes(1).load(0, from, bySize), wholes(1).storeFrom(0, to, bySize))
			fn.raw("SUBS $4, R%d, R%d", left, left)
			fn.raw("BGE vector")
			fn.label("words")
			fn.raw("ADDS $4, R%d, R%d", left, left)
			fn.raw("BEQ next")
			fn.label("word")
			fn.emit(lanes[0].load(0, from, bySize), lanes[0].storeFrom(0, to, bySize))
			fn.raw("SUBS $1, R%d, R%d", left, left)
			fn.raw("BNE word")
			fn.label("next")
			fn.raw("ADD R%d, R%d, R%d", dstP, dst, dst)
			fn.raw("ADD R%d, R%d, R%d", srcP, src, src)
			fn.raw("SUB $1, R%d, R%d", k, k)
			fn.raw("CBNZ R%d, row", k)
			fn.label("done")
		})
}

func (f *file) transpose() {
	f.function("transposeNEON", "Set.Transpose of four rows, for so many times four terms",
		"fours int, dst *float32, dstP int, src *float32, srcI int", func(fn *function) {
			const fours, dst, dstP, srcI, rows gp = 0, 1, 2, 3, 4
			fn.param("fours", fours)
			fn.param("dst", dst)
			fn.paramBytes("dstP", dstP)
			fn.paramBytes("srcI", srcI)
			fn.param("src", rows)
			for i := 1; i < 4; i++ {
				fn.raw("ADD R%d, R%d, R%d", srcI, int(rows)+i-1, int(rows)+i)
			}
			fn.repeat(fours, func() {
				var row, pair [4]vec
				for i := range row {
					row[i], pair[i] = fn.reg(), fn.reg()
					fn.emit(wholes(1).load(row[i], rows+gp(i), bySize))
				}
				fn.emit(
					trn1.of(pair[0], row[0], row[1]), trn2.of(pair[1], row[0], row[1]),
					trn1.of(pair[2], row[2], row[3]), trn2.of(pair[3], row[2], row[3]),
				)
				for j := range 4 {
					zip, column := []operation{zip1, zip2}[j/2], fn.reg()
					fn.emit(zip.of(column, pair[j%2], pair[2+j%2]), wholes(1).storeFrom(column, dst, dstP))
				}
			})
		})
}

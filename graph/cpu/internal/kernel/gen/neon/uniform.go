package main

// uniform generates tape.Philox and tape.Uniform for one block of four words in each lane: groups times 16 numbers.
// words are those of the first block's counter and of the key, and blocks is what the lanes add to the first.
func (f *file) uniform() {
	f.function("uniformNEON", "Set.Draw of groups of 16 numbers",
		"groups int, dst *float32, words *[6]uint32, blocks *[4]uint32", func(fn *function) {
			const groups, dst, from gp = 0, 1, 2
			fn.param("groups", groups)
			fn.param("dst", dst)
			fn.param("words", from)
			var start [6]vec
			for i := range start {
				start[i] = fn.pin()
				fn.emit(broadcast.load(start[i], from, bySize))
			}
			block := start[0]
			fn.param("blocks", from)
			fn.emit(add.of(block, block, fn.load(from)))
			next, m0, m1 := fn.word(4), fn.word(0xD2511F53), fn.word(0xCD9E8D57)
			w0, w1 := fn.word(0x9E3779B9), fn.word(0xBB67AE85)
			scale := fn.num(0x1p-24)
			out := [4]vec{3: fn.pin(), 2: fn.pin(), 1: fn.pin(), 0: fn.pin()}
			fn.repeat(groups, func() {
				c, k0, k1 := [4]vec(start[:4]), start[4], start[5]
				for round := range 10 {
					if round > 0 {
						k0, k1 = fn.do(add, k0, w0), fn.do(add, k1, w1)
					}
					low0, high0 := fn.wideMul(c[0], m0)
					low1, high1 := fn.wideMul(c[2], m1)
					c = [4]vec{fn.do(eor, fn.do(eor, high1, c[1]), k0), low1, fn.do(eor, fn.do(eor, high0, c[3]), k1), low0}
				}
				for i, word := range c {
					bits := fn.reg()
					fn.emit(shiftRightZeros(bits, word, 8))
					fn.emit(fmul.of(out[i], fn.do(scvtf, bits), scale))
				}
				fn.emit(storeInterleaved(out[0], dst), add.of(block, block, next))
			})
		})
}

// wideMul is the low and the high words of the 64-bit products of a and b.
func (fn *function) wideMul(a, b vec) (low, high vec) {
	l, h := fn.reg(), fn.reg()
	products := wide(l, h, a, b)
	fn.emit(products[0], products[1])
	return fn.do(uzp1, l, h), fn.do(uzp2, l, h)
}

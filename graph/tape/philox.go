package tape

// Philox is the counter-based generator Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random
// numbers: as easy as 1, 2, 3" (SC 2011): four random 32-bit words as a pure function of a 128-bit counter and
// a 64-bit key. Every device draws the same numbers because none of them keeps a state.
func Philox(ctr [4]uint32, key [2]uint32) [4]uint32 {
	const (
		m0, m1 = 0xD2511F53, 0xCD9E8D57 // multipliers
		w0, w1 = 0x9E3779B9, 0xBB67AE85 // Weyl increments of the key
	)
	for range 10 {
		p0, p1 := uint64(m0)*uint64(ctr[0]), uint64(m1)*uint64(ctr[2])
		ctr = [4]uint32{
			uint32(p1>>32) ^ ctr[1] ^ key[0], uint32(p1),
			uint32(p0>>32) ^ ctr[3] ^ key[1], uint32(p0),
		}
		key[0] += w0
		key[1] += w1
	}
	return ctr
}

// RandomWord is the 32-bit word behind element i of a row that Random draws with the given key and stream: word
// i mod 4 of the block whose counter is (i/4, stream, step, time).
func RandomWord(key [4]int32, stream uint32, i int) uint32 {
	block := Philox(
		[4]uint32{uint32(i / 4), stream, uint32(key[2]), uint32(key[3])},
		[2]uint32{uint32(key[0]), uint32(key[1])})
	return block[i%4]
}

// Uniform maps a random word to [0, 1): its upper 24 bits, so that every value is exact in float32.
func Uniform(word uint32) float64 { return float64(word>>8) / (1 << 24) }

package kernel

// machinePaths lists the paths that this machine can run, the best first.
func machinePaths() []string { return []string{NEON} }

// Float32 is the kernels of a path for float32.
func Float32(path string) *Set[float32] {
	if path == NEON {
		return &setNEON
	}
	return &portable32
}

// BFloat16 is the kernels of a path for float32 whose products round their operands to bfloat16. Their sums are portable
// on all paths: where denormal numbers are switched off, this processor judges a result before it is rounded to 24 bits,
// and the contract after.
func BFloat16(path string) *Set[float32] {
	if path == NEON {
		return &roundedNEON
	}
	return &rounded32
}

// Int8 computes products of rows by weights as int8 on a path.
func Int8(path string) Int8Row { return int8Row }

// Pause tells the processor that the caller spins.
func Pause()

var setNEON, roundedNEON = neon(), neonRounded()

// neon gives the bits of AVX2, but for those of NaNs.
func neon() Set[float32] {
	s := portable[float32]()
	s.Path = NEON
	s.Tile, s.MR, s.NR = tileNEON, 12, 8
	s.Row, s.RowPanels = rowOf8NEON, 8
	s.Pack, s.Transpose = packNEON, transposeWithNEON
	s.Flops = 30
	return s
}

func neonRounded() Set[float32] {
	s, r := neon(), &rounded32
	s.Tile, s.MR, s.NR, s.Row, s.RowPanels = r.Tile, r.MR, r.NR, r.Row, r.RowPanels
	s.Pack, s.Pairs, s.Flops = r.Pack, r.Pairs, r.Flops
	return s
}

package kernel

import "github.com/unroll-ml/unroll/graph/tape"

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
	s.Pack, s.Transpose, s.Draw = packNEON, transposeWithNEON, drawNEON
	s.Affine, s.ExpSum, s.Sum, s.Dot, s.Max = affineNEON, expSumNEON, sumNEON, dotNEON, max1NEON
	s.vectorise(0.25, map[tape.Fn]func(n int, dst, x, y, z *float32){
		tape.Neg: negNEON, tape.Abs: absNEON, tape.Sign: signNEON, tape.Floor: floorNEON, tape.Ceil: ceilNEON,
		tape.Sqrt: sqrtNEON, tape.Exp: expNEON, tape.Log: logNEON, tape.Log1p: log1pNEON, tape.Expm1: expm1NEON,
		tape.Tanh: tanhNEON, tape.Sigmoid: sigmoidNEON,
		tape.Add: addNEON, tape.Sub: subNEON, tape.Mul: mulNEON, tape.Div: divNEON, tape.Max: maxNEON, tape.Min: minNEON,
		tape.Lt: ltNEON, tape.Le: leNEON, tape.Eq: eqNEON, tape.Ne: neNEON, tape.Where: whereNEON,
	})
	s.Flops = 30
	return s
}

func neonRounded() Set[float32] {
	s, r := neon(), &rounded32
	s.Tile, s.MR, s.NR, s.Row, s.RowPanels = r.Tile, r.MR, r.NR, r.Row, r.RowPanels
	s.Pack, s.Pairs, s.Flops = r.Pack, r.Pairs, r.Flops
	return s
}

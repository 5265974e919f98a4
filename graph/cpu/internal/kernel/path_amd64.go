package kernel

import (
	"golang.org/x/sys/cpu"

	"github.com/unroll-ml/unroll/graph/tape"
)

//go:generate go run -tags generate ./gen -out kernels_amd64.s -stubs kernels_amd64.go -pkg kernel

// machinePaths lists the paths that this machine can run, the best first.
func machinePaths() (paths []string) {
	x := cpu.X86
	if x.HasAVX512F && x.HasAVX512VL && x.HasAVX512BW && x.HasAVX512DQ && x.HasBMI2 {
		if x.HasAVX512BF16 {
			paths = append(paths, AVX512BF16)
		}
		paths = append(paths, AVX512)
	}
	if x.HasAVX2 && x.HasFMA && x.HasBMI2 {
		paths = append(paths, AVX2)
	}
	return paths
}

// Float32 is the kernels of a path for float32.
func Float32(path string) *Set[float32] {
	switch path {
	case AVX512BF16, AVX512:
		return &setAVX512
	case AVX2:
		return &setAVX2
	}
	return &portable32
}

// BFloat16 is the kernels of a path for float32 whose products round their operands to bfloat16.
func BFloat16(path string) *Set[float32] {
	switch path {
	case AVX512BF16:
		return &setAVX512BF16
	case AVX512:
		return &roundedAVX512
	case AVX2:
		return &roundedAVX2
	}
	return &rounded32
}

// Int8 computes products of rows by weights as int8 on a path.
func Int8(path string) Int8Row {
	if path == Portable {
		return int8Row
	}
	return int8RowAVX2 // which is what all other paths have
}

// Pause tells the processor that the caller spins.
func Pause()

var setAVX512, setAVX2 = avx512(), avx2()

func avx512() Set[float32] {
	s := portable[float32]()
	s.Path = AVX512
	s.Tile, s.MR, s.NR = tileAVX512, 14, 32
	s.Row, s.RowPanels = rowOf32AVX2, 2
	s.Pack, s.Transpose, s.Draw = packAVX512, transposeWithAVX512, drawAVX512
	s.Affine, s.ExpSum, s.Sum, s.Dot, s.Max = affineAVX512, expSumAVX512, sumAVX512, dotAVX512, max1AVX512
	s.vectorise(0.06, map[tape.Fn]func(n int, dst, x, y, z *float32){
		tape.Neg: negAVX512, tape.Abs: absAVX512, tape.Sign: signAVX512, tape.Floor: floorAVX512, tape.Ceil: ceilAVX512,
		tape.Sqrt: sqrtAVX512, tape.Exp: expAVX512, tape.Log: logAVX512, tape.Log1p: log1pAVX512, tape.Expm1: expm1AVX512,
		tape.Tanh: tanhAVX512, tape.Sigmoid: sigmoidAVX512,
		tape.Add: addAVX512, tape.Sub: subAVX512, tape.Mul: mulAVX512, tape.Div: divAVX512, tape.Max: maxAVX512,
		tape.Min: minAVX512,
		tape.Lt:  ltAVX512, tape.Le: leAVX512, tape.Eq: eqAVX512, tape.Ne: neAVX512, tape.Where: whereAVX512,
	})
	s.Flops = 180
	return s
}

func avx2() Set[float32] {
	s := portable[float32]()
	s.Path = AVX2
	s.Tile, s.MR, s.NR = tileAVX2, 6, 16
	s.Row, s.RowPanels = rowOf16AVX2, 4
	s.Pack, s.Transpose, s.Draw = packAVX2, transposeWithAVX2, drawAVX2
	s.Affine, s.ExpSum, s.Sum, s.Dot, s.Max = affineAVX2, expSumAVX2, sumAVX2, dotAVX2, max1AVX2
	s.vectorise(0.12, map[tape.Fn]func(n int, dst, x, y, z *float32){
		tape.Neg: negAVX2, tape.Abs: absAVX2, tape.Sign: signAVX2, tape.Floor: floorAVX2, tape.Ceil: ceilAVX2,
		tape.Sqrt: sqrtAVX2, tape.Exp: expAVX2, tape.Log: logAVX2, tape.Log1p: log1pAVX2, tape.Expm1: expm1AVX2,
		tape.Tanh: tanhAVX2, tape.Sigmoid: sigmoidAVX2,
		tape.Add: addAVX2, tape.Sub: subAVX2, tape.Mul: mulAVX2, tape.Div: divAVX2, tape.Max: maxAVX2, tape.Min: minAVX2,
		tape.Lt: ltAVX2, tape.Le: leAVX2, tape.Eq: eqAVX2, tape.Ne: neAVX2, tape.Where: whereAVX2,
	})
	s.Flops = 110
	return s
}

package sim_test

import (
	"math"
	"math/rand/v2"
	"strconv"
)

// llvmRuns is how often each kernel is run, with arguments of its own.
const llvmRuns = 1024

// llvmInputs are the arguments of a kernel, by argument and run: numbers at the edges of their type, any bits, and
// small ones.
func llvmInputs(k *llvmKernel) [][]uint64 {
	var seed [32]byte
	copy(seed[:], k.name)
	r := rand.New(rand.NewChaCha8(seed))
	in := make([][]uint64, len(k.args))
	row := make([]uint64, len(k.args))
	for len(in[0]) < llvmRuns {
		for i, t := range k.args {
			row[i] = llvmInput(r, t)
		}
		if k.fits != nil && !k.fits(row) {
			continue
		}
		for i := range row {
			in[i] = append(in[i], row[i])
		}
	}
	return in
}

func llvmInput(r *rand.Rand, t string) uint64 {
	size := 8 * llvmSize(t)
	mask := ^uint64(0) >> (64 - size)
	if edges := llvmEdges[t]; r.IntN(2) == 0 {
		return edges[r.IntN(len(edges))] & mask
	}
	if t[0] == 'i' {
		return r.Uint64() & mask >> r.IntN(size)
	}
	if r.IntN(3) == 0 {
		return r.Uint64() & mask
	}
	x := (6*r.Float64() - 3) * math.Pow(10, []float64{0, 1, -3, 9, 18, -38, -40, -310}[r.IntN(8)])
	if t == "float" {
		return uint64(math.Float32bits(float32(x)))
	}
	return math.Float64bits(x)
}

// llvmEdges are numbers at which something changes, by type.
var llvmEdges = map[string][]uint64{
	"i32": {
		0, 1, 2, 3, 31, 32, 33, 0xffff, 0x10000, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff,
	},
	"i64": {0, 1, 2, 31, 32, 63, 64, 0xffffffff, 1 << 32, 1<<63 - 1, 1 << 63, 1<<63 + 1, 1<<64 - 2, 1<<64 - 1},
	"float": floatEdges(func(s string) uint64 {
		x, _ := strconv.ParseFloat(s, 32)
		return uint64(math.Float32bits(float32(x)))
	}, "0x1p-149", "0x1.fffffcp-127", "0x1p-126", "0x1.fffffep+127"),
	"double": floatEdges(func(s string) uint64 {
		x, _ := strconv.ParseFloat(s, 64)
		return math.Float64bits(x)
	}, "0x1p-1074", "0x1.ffffffffffffep-1023", "0x1p-1022", "0x1.fffffffffffffp+1023", "0x1p-149", "0x1p-150",
		"0x1.fffffep+127", "0x1.ffffffp+127"),
}

// floatEdges are zero, halves and odd numbers that are rounded, the ends of the integers, infinity, NaN, and more.
func floatEdges(bits func(string) uint64, more ...string) (edges []uint64) {
	for _, s := range append(more, "0", "1", "0.5", "1.5", "2.5", "3.5", "0x1.fffffep-2", "0x1.fffffep-1", "0x1p-24",
		"0x1p-23", "0x1.fffffcp+21", "0x1.000002p+23", "0x1.fffffep+30", "0x1p31", "0x1p32", "0x1p52", "0x1.fffffep+62",
		"0x1p63", "0x1p64", "Inf", "NaN") {
		edges = append(edges, bits(s), bits("-"+s))
	}
	return edges
}

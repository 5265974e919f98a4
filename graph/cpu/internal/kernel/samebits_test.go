package kernel

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/graph/tape"
)

// sameBits is a hash of what a kernel gives on AVX2, and on NEON, for the inputs of TestSameBits.
var sameBits = map[string]uint64{
	"Affine":  0xc5d3b002151772fb,
	"Dot":     0xc88190275bd9bedf,
	"ExpSum":  0xb75b61b276efd4eb,
	"Max":     0x4f57119e7ae2961e,
	"Sum":     0x15fd8194395cefa1,
	"Tile":    0xe8d5053c92c02c8e,
	"abs":     0x74808b4bfe4e644f,
	"add":     0x6d807df3c88ef6fb,
	"ceil":    0x933f580843420aba,
	"div":     0x4190019485c2501c,
	"eq":      0x16f967bb0aae6b17,
	"exp":     0xcb88659d0c7f8247,
	"expm1":   0x2e86351c85fed046,
	"floor":   0xb8a1b60f12d89b01,
	"id":      0xdfbe630e20dff2e0,
	"le":      0x9a6c915981f65096,
	"log":     0x8e0446a11d2491db,
	"log1p":   0x3f615699bbc71fc8,
	"lt":      0xf6658d51b2c5a63e,
	"max":     0xfa4779437f1ef55d,
	"min":     0x267f08a2a07ff773,
	"mul":     0xb1504bfbb6b3e07b,
	"ne":      0x485583db0c7b7b7,
	"neg":     0x758766964831cd1a,
	"sigmoid": 0x26ccc39ae60dcbf4,
	"sign":    0x9dfc1a1fc8fcf4df,
	"sqrt":    0xa10eee7e6b9e2a6f,
	"sub":     0x9c8f916c02e29a8d,
	"tanh":    0x17b955dae1f5095a,
	"where":   0x6473e4d4dd75a49b,
}

// AVX2 and NEON give the same bits, but for those of NaNs. One of them is on every machine that tests run on, so that
// what both are held to is written here; what is right is the matter of the other tests.
func TestSameBits(t *testing.T) {
	for _, path := range []string{AVX2, NEON} {
		if !slices.Contains(Paths(), path) {
			continue
		}
		got := hashes(Float32(path))
		for name, want := range sameBits {
			if got[name] != want {
				t.Errorf("%s: %s gives other bits: %#x, want %#x", path, name, got[name], want)
			}
		}
		if len(got) != len(sameBits) {
			t.Errorf("%d kernels are hashed, want %d", len(got), len(sameBits))
		}
	}
}

// hashes runs the kernels of a path on numbers that are the same everywhere.
func hashes(s *Set[float32]) map[string]uint64 {
	r := rand.New(rand.NewPCG(3, 4))
	numbers := func(n int) []float32 { // of moderate size, and of any
		x := make([]float32, n)
		for i := range x {
			switch x[i] = (r.Float32() - 0.5) * 32; r.IntN(8) {
			case 0:
				x[i] = fromBits(r.Uint32())
			case 1:
				x[i] = []float32{0, fromBits(0x80000000), 1, -1, inf[float32](1), inf[float32](-1)}[r.IntN(6)]
			}
		}
		return x
	}
	moderate := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = (r.Float32() - 0.5) * 32
		}
		return x
	}
	sums := map[string]uint64{}
	add := func(name string, values ...float32) {
		h := fnv.New64a()
		fmt.Fprintf(h, "%x", sums[name])
		for _, v := range values {
			if v != v {
				v = fromBits(0x7FC00000)
			}
			fmt.Fprintf(h, "%08x", math.Float32bits(v))
		}
		sums[name] = h.Sum64()
	}
	x, y, z, dst := numbers(5000), numbers(5000), numbers(5000), make([]float32, 5000)
	copy(y[4000:], x[4000:])
	for _, f := range exactFns {
		s.Apply[f](len(x), &dst[0], &x[0], &y[0], &z[0])
		add(f.String(), dst...)
	}
	for _, f := range []tape.Fn{tape.Exp, tape.Log, tape.Log1p, tape.Expm1, tape.Tanh, tape.Sigmoid} {
		s.Apply[f](len(x), &dst[0], &x[0], nil, nil)
		add(f.String(), dst...)
	}
	for n := range maxLen {
		for _, draw := range []func(int) []float32{numbers, moderate} {
			x, y, dst := draw(n+1), draw(n+1), make([]float32, n+1)
			add("Sum", s.Sum(n, &x[0]))
			add("Dot", s.Dot(n, &x[0], &y[0]))
			add("Max", s.Max(n, &x[0]))
			add("ExpSum", s.ExpSum(n, &dst[0], &x[0], y[0]))
			add("ExpSum", dst...)
			s.Affine(n, &dst[0], &x[0], y[0], y[n])
			add("Affine", dst...)
		}
	}
	a, b := moderate(6*40), moderate(8*40)
	for _, k := range []int{0, 1, 7, 40} {
		for _, acc := range []bool{false, true} {
			c := slices.Clone(moderate(6 * 8))
			s.Tile(min(6, s.MR), 8, k, &a[0], 40, 1, &wide(b, s.NR)[0], s.NR, &c[0], 8, acc)
			add("Tile", c...)
		}
	}
	return sums
}

// wide is the rows of eight of b in rows of a width.
func wide(b []float32, width int) []float32 {
	w := make([]float32, len(b)/8*width)
	for i := range len(b) / 8 {
		copy(w[i*width:], b[i*8:][:8])
	}
	return w
}

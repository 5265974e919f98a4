package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// int8Tape is c += x·w, or xᵀ, or wᵀ, where w is a slot in common.
func int8Tape(m, k, n int, ta, tb bool) *builder {
	b := &builder{tape.Tape{Float: tape.Float32}}
	p := &tape.Product{
		A: b.named("x", tape.Input, m*k), B: b.named("w", tape.Input, k*n), C: b.named("c", tape.State, m*n),
		Batch: 1, M: m, N: n, K: k, TransA: ta, TransB: tb, LdA: k, LdB: n, LdC: n, Acc: true,
	}
	if ta {
		p.LdA = m
	}
	if tb {
		p.LdB = k
	}
	b.emit(p)
	return b
}

// whole127 is x as whole numbers of at most 127 in size, and their scale, in float32.
func whole127(x []float32) (q []float64, scale float32) {
	most := 0.0
	for _, v := range x {
		most = max(most, math.Abs(float64(v)))
	}
	if most == 0 {
		return make([]float64, len(x)), 0
	}
	for _, v := range x {
		q = append(q, math.RoundToEven(float64(v*(127/float32(most)))))
	}
	return q, float32(most) / 127
}

// Products by weights in common are those of whole numbers, with the same bits on all paths and for any number of
// threads; a new matrix counts.
func TestInt8Weights(t *testing.T) {
	for _, path := range kernel.Paths() {
		for _, threads := range []int{1, 3} {
			for _, c := range [][3]int{{1, 512, 700}, {1, 7, 1}, {1, 3, 32}, {5, 9, 33}, {40, 130, 95}, {1, 64, 2048}} {
				for i := range 4 {
					m, k, n, ta, tb := c[0], c[1], c[2], i&1 != 0, i&2 != 0
					if n == 1 {
						continue // a row of the transposed product, by what is no matrix of weights
					}
					d := New(onPath(path), Threads(threads), Int8Weights()).(tape.Sharer).Share(map[string]bool{"w": true})
					p := mustLoad(t, d, int8Tape(m, k, n, ta, tb))
					random := rand.New(rand.NewPCG(1, uint64(i)))
					for round := range 2 {
						x, w, before := normal(random, m*k), normal(random, k*n), normal(random, m*n)
						got := make([]float32, m*n)
						for _, err := range []error{p.Write(0, x), p.Write(1, w), p.Write(2, before), p.Run(), p.Read(2, got)} {
							if err != nil {
								t.Fatal(err)
							}
						}
						for at, want := range int8Model(m, k, n, ta, tb, x, w, before) {
							if got[at] != want {
								t.Fatalf("%s, %d threads, %v %v %v, round %d: element %d is %v, want %v", path, threads, c, ta, tb, round, at,
									got[at], want)
							}
						}
					}
				}
			}
		}
	}
}

func normal(random *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	return x
}

// int8Model is before + x·w as TestInt8Weights wants it.
func int8Model(m, k, n int, ta, tb bool, x, w, before []float32) []float32 {
	line := func(from []float32, first, step int) []float32 {
		l := make([]float32, k)
		for p := range l {
			l[p] = from[first+p*step]
		}
		return l
	}
	out := make([]float32, m*n)
	for i := range m {
		a, scaleA := whole127(line(x, i*k, 1))
		if ta {
			a, scaleA = whole127(line(x, i, m))
		}
		for j := range n {
			b, scaleB := whole127(line(w, j, n))
			if tb {
				b, scaleB = whole127(line(w, j*k, 1))
			}
			sum := 0.0
			for p := range a {
				sum += a[p] * b[p]
			}
			out[i*n+j] = before[i*n+j] + float32(float32(sum)*float32(scaleA*scaleB))
		}
	}
	return out
}

// What is not in common, or is written by the tape, is no weight: its products are those of float32.
func TestInt8OfOthers(t *testing.T) {
	for name, c := range map[string]struct {
		common string
		change func(b *builder)
	}{
		"not in common": {"v", func(*builder) {}},
		"written": {"w", func(b *builder) {
			b.Slots[1].Kind = tape.State
			b.emit(touch(tape.Ref{Buf: 1}))
		}},
	} {
		b := int8Tape(2, 40, 50, false, false)
		c.change(b)
		result := func(opts ...Option) string {
			p := mustLoad(t, New(append(opts, Threads(1))...).(tape.Sharer).Share(map[string]bool{c.common: true}), b)
			random, got := rand.New(rand.NewPCG(1, 1)), make([]float32, 100)
			x, w := normal(random, 80), normal(random, 2000)
			for _, err := range []error{p.Write(0, x), p.Write(1, w), p.Run(), p.Read(2, got)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			return fmt.Sprint(got)
		}
		if result() != result(Int8Weights()) {
			t.Errorf("%s: the products are not those of float32", name)
		}
	}
}

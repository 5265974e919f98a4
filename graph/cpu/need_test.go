package cpu

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Rows that are needed have the bits that they have where all rows are. Where they are the first ones the others are
// zeros, which shows that they were not computed; of others some may have been.
func TestNeed(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	kinds := map[string][]Option{"float32": nil, "bfloat16": {BFloat16()}, "int8": {Int8Weights()}}
	for _, c := range []struct{ m, k, n, batch int }{
		{1, 20, 70, 1}, {5, 30, 33, 1}, {64, 40, 50, 1}, {maxRows + 30, 3, 20, 1}, {30, maxBlock + 9, 40, 1},
		{20, 16, 31, 40}, {14, maxBlock, 700, 2},
	} {
		for flags := range 8 {
			ta, stays := flags&1 != 0, flags&2 != 0 // by a matrix that stays, as weights do
			first := flags&4 != 0
			need := make([]float32, c.batch*c.m)
			for i := range need {
				if first && i%c.m < c.m/3 || !first && random.IntN(7) == 0 {
					need[i] = 1
				}
			}
			for kind, options := range kinds {
				for _, path := range kernel.Paths() {
					for _, threads := range []int{1, 3} {
						options := append(options[:len(options):len(options)], onPath(path), Threads(threads))
						all, some := neededProduct(t, c.batch, c.m, c.k, c.n, ta, stays, nil, options),
							neededProduct(t, c.batch, c.m, c.k, c.n, ta, stays, need, options)
						for i, x := range some {
							want := all[i]
							if need[i/c.n] == 0 && (first || x == 0) {
								want = 0
							}
							if x != want {
								t.Fatalf("%v %s, %s, %d threads, %v %v: element %d is %v, want %v", c, kind, path, threads, ta, stays, i, x,
									want)
							}
						}
					}
				}
			}
		}
	}
}

// neededProduct is a product of whose rows some are needed; nil: all.
func neededProduct(
	t *testing.T, batch, m, k, n int, ta, stays bool, need []float32, options []Option,
) []float32 {
	b := &builder{tape.Tape{Float: tape.Float32}}
	p := &tape.Product{
		A: b.named("a", tape.State, batch*m*k), B: b.named("w", tape.Input, batch*k*n), Batch: batch, M: m, K: k, N: n,
		TransA: ta, LdA: k, LdB: n, LdC: n, StrideA: m * k, StrideB: k * n, StrideC: m * n,
	}
	if !stays {
		b.Slots[1].Kind = tape.State
		b.emit(touch(p.B))
	}
	if ta {
		p.LdA = m
	}
	p.C = b.named("c", tape.Output, batch*m*n)
	mask := b.named("need", tape.Input, batch*m)
	if need != nil {
		p.Need = &mask
	}
	b.emit(touch(p.A), p)
	program := mustLoad(t, New(options...).(tape.Sharer).Share(map[string]bool{"w": true}), b)
	random := rand.New(rand.NewPCG(3, 4))
	c := make([]float32, batch*m*n)
	for _, err := range []error{
		program.Write(0, normal(random, batch*m*k)), program.Write(1, normal(random, batch*k*n)),
		program.Write(3, append(make([]float32, batch*m-len(need)), need...)), program.Run(), program.Read(2, c),
		program.Close(),
	} {
		if err != nil {
			t.Fatal(fmt.Sprint(b.Code), err)
		}
	}
	return c
}

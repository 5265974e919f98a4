package cpu

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// best is the shortest time of f in nanoseconds. On a machine that others use too it says more than the mean.
func best(b *testing.B, f func()) float64 {
	shortest := math.Inf(1)
	for b.Loop() {
		start := time.Now()
		f()
		shortest = min(shortest, float64(time.Since(start).Nanoseconds()))
	}
	return shortest
}

// BenchmarkProduct measures products as a recurrent model has them: steps of a loop with weights that stay, and single ones with
// operands that change.
func BenchmarkProduct(b *testing.B) {
	for _, c := range []struct {
		name    string
		m, k, n int
		ta, tb  bool
		steps   int // of a loop in which B stays
	}{
		{"square", 1024, 1024, 1024, false, false, 0},
		{"recurrent", 50, 512, 2048, false, false, 20},
		{"recurrent", 128, 512, 2048, false, false, 20},
		{"recurrent-backward", 50, 2048, 512, false, true, 20},
		{"recurrent-small", 64, 256, 256, false, false, 50},
		{"input", 2500, 512, 2048, false, false, 0},
		{"weight-gradient", 512, 2500, 2048, true, false, 0},
		{"logits", 2500, 512, 65, false, false, 0},
	} {
		for _, path := range kernel.Paths() {
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("%s/%dx%dx%d/%s/%d", c.name, c.m, c.k, c.n, path, threads), func(b *testing.B) {
					var t builder
					t.Float = tape.Float32
					w := tape.Ref{Buf: t.buffer(tape.State, c.k*c.n).Buf}
					steps := max(c.steps, 1)
					p := &tape.Product{
						A: t.buffer(tape.Input, c.m*c.k), B: w, C: t.buffer(tape.Output, c.m*c.n*steps),
						Batch: 1, M: c.m, N: c.n, K: c.k, TransA: c.ta, TransB: c.tb, LdA: c.k, LdB: c.n, LdC: c.n,
					}
					if c.ta {
						p.LdA = c.m
					}
					if c.tb {
						p.LdB = c.k
					}
					// A Map that writes the weights keeps them from being packed once and for all.
					touch := &tape.Map{Shape: []int{1}, In: []tape.Operand{{Ref: w, Strides: []int{1}}}, Result: []int{0}, Out: []tape.Operand{{Ref: w, Strides: []int{1}}}}
					if c.steps > 0 {
						p.C.Step = []int{c.m * c.n}
						t.Code = []tape.Instr{touch, &tape.Loop{Trip: steps, Body: []tape.Instr{p}}}
					} else {
						t.Code = []tape.Instr{touch, p}
					}
					prog := t.start(b, onPath(path), Threads(threads))
					flops := 2 * float64(c.m) * float64(c.n) * float64(c.k) * float64(steps)
					b.ReportMetric(flops/best(b, func() {
						if err := prog.Run(); err != nil {
							b.Fatal(err)
						}
					}), "GF/s")
				})
			}
		}
	}
}

// BenchmarkTile is the rate of the inner kernel on panels in the first cache: what no product can exceed.
func BenchmarkTile(b *testing.B) {
	for _, path := range kernel.Paths() {
		b.Run(path, func(b *testing.B) {
			s := kernel.Float32(path)
			const k = 384
			x, y, z := aligned[float32](s.MR*k), aligned[float32](s.NR*k), aligned[float32](s.MR*s.NR)
			const calls = 100
			b.ReportMetric(2*float64(s.MR*s.NR*k)*calls/best(b, func() {
				for range calls {
					s.Tile(s.MR, s.NR, k, &x[0], 1, s.MR, &y[0], s.NR, &z[0], s.NR, false)
				}
			}), "GF/s")
		})
	}
}

// BenchmarkApply is the time an element of scalar functions over an array in the first cache.
func BenchmarkApply(b *testing.B) {
	for _, path := range kernel.Paths() {
		for _, f := range []tape.Fn{tape.Add, tape.Where, tape.Max, tape.Div, tape.Exp, tape.Log, tape.Tanh, tape.Sigmoid, tape.Expm1, tape.Log1p} {
			b.Run(fmt.Sprintf("%v/%s", f, path), func(b *testing.B) {
				s := kernel.Float32(path)
				const n = 1024
				x, y, z := aligned[float32](n), aligned[float32](n), aligned[float32](n)
				for i := range x {
					x[i], y[i] = float32(i%16)-7.5, float32(i%7)+1
				}
				const calls = 100
				b.ReportMetric(best(b, func() {
					for range calls {
						s.Apply[f](n, &z[0], &x[0], &y[0], &x[0])
					}
				})/n/calls, "ns/elem")
			})
		}
	}
}

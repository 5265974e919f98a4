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

// BenchmarkProduct measures products as a recurrent model has them: steps of a loop with weights that stay, and
// single ones with operands that change.
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
					touch := touch(w) // the weights are packed in each run
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
		for _, f := range []tape.Fn{
			tape.Add, tape.Where, tape.Max, tape.Div, tape.Exp, tape.Log, tape.Tanh, tape.Sigmoid, tape.Expm1, tape.Log1p,
		} {
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

// BenchmarkPack is the time an element of packing operands that lie in the second or third cache.
func BenchmarkPack(b *testing.B) {
	for _, path := range kernel.Paths() {
		s := kernel.Float32(path)
		for _, c := range []struct {
			name       string
			width      int
			n, k       int
			srcI, srcK int
		}{
			{"A", s.MR, 50, 512, 512, 1},
			{"A-wide", s.MR, 50, 2048, 2048, 1},
			{"A-transposed", s.MR, 512, 2500, 1, 512},
			{"B", s.NR, 2048, 2500, 1, 2048},
			{"B-transposed", s.NR, 512, 2048, 2048, 1},
		} {
			b.Run(c.name+"/"+path, func(b *testing.B) {
				o := operand{n: c.n, k: c.k, width: c.width, srcI: c.srcI, srcK: c.srcK}
				src, dst := aligned[float32](c.n*c.k), aligned[float32](o.size())
				p := &packed[float32]{kernels: s, operand: o, store: &store[float32]{memory: &dst[0]}, src: &src[0], parts: 1}
				b.ReportMetric(best(b, func() { p.pack(0, 0) })/float64(c.n*c.k), "ns/elem")
			})
		}
	}
}

// BenchmarkInstr is the time an element of instructions that move or make data.
func BenchmarkInstr(b *testing.B) {
	const rows, cols = 2500, 512
	type instr = func(t *builder) tape.Instr
	for _, c := range []struct {
		name string
		make instr
	}{
		{"random", func(t *builder) tape.Instr {
			return &tape.Random{Keys: t.slot(tape.Input, tape.Int32, 4*rows), Out: t.buffer(tape.Output, rows*cols), N: rows,
				Width: cols}
		}},
		{"transpose", func(t *builder) tape.Instr {
			return &tape.Copy{Shape: []int{cols, rows},
				In:  tape.Operand{Ref: t.buffer(tape.Input, rows*cols), Strides: []int{1, cols}},
				Out: dense(t.buffer(tape.Output, rows*cols), cols, rows)}
		}},
		{"swap", func(t *builder) tape.Instr { // of the axes of time and batch
			return &tape.Copy{Shape: []int{50, 50, cols},
				In:  tape.Operand{Ref: t.buffer(tape.Input, rows*cols), Strides: []int{cols, 50 * cols, 1}},
				Out: dense(t.buffer(tape.Output, rows*cols), 50, 50, cols)}
		}},
		{"softmax", func(t *builder) tape.Instr {
			return &tape.Rows{Kind: tape.Softmax, In: []tape.Ref{t.buffer(tape.Input, rows*cols)},
				Out: t.buffer(tape.Output, rows*cols), Rows: rows, Cols: cols}
		}},
		{"crossentropy", func(t *builder) tape.Instr {
			return &tape.Rows{Kind: tape.CrossEntropy,
				In:  []tape.Ref{t.buffer(tape.Input, rows*cols), t.slot(tape.Input, tape.Int32, rows)},
				Out: t.buffer(tape.Output, rows), Rows: rows, Cols: cols}
		}},
		{"argmax", func(t *builder) tape.Instr {
			return &tape.Rows{Kind: tape.Argmax, In: []tape.Ref{t.buffer(tape.Input, rows*cols)},
				Out: t.slot(tape.Output, tape.Int32, rows), Rows: rows, Cols: cols}
		}},
		{"sum-rows", func(t *builder) tape.Instr {
			return &tape.Reduce{In: t.buffer(tape.Input, rows*cols), Out: t.buffer(tape.Output, rows), Outer: rows,
				N: cols, Inner: 1}
		}},
		{"sum-columns", func(t *builder) tape.Instr {
			return &tape.Reduce{In: t.buffer(tape.Input, rows*cols), Out: t.buffer(tape.Output, cols), Outer: 1, N: rows,
				Inner: cols}
		}},
		{"gather", func(t *builder) tape.Instr {
			return &tape.Gather{Table: t.buffer(tape.Input, 5*cols), Index: t.slot(tape.Input, tape.Int32, rows),
				Out: t.buffer(tape.Output, rows*cols), N: rows, Width: cols, Rows: 5}
		}},
		{"scatteradd", func(t *builder) tape.Instr {
			return &tape.ScatterAdd{In: t.buffer(tape.Input, rows*cols), Index: t.slot(tape.Input, tape.Int32, rows),
				Out: t.buffer(tape.Output, 5*cols), N: rows, Width: cols, Rows: 5}
		}},
		{"bias", func(t *builder) tape.Instr {
			m := &tape.Map{Shape: []int{rows, cols}, In: []tape.Operand{dense(t.buffer(tape.Input, rows*cols), rows, cols),
				{Ref: t.buffer(tape.Input, cols), Strides: []int{0, 1}}},
				Code: []tape.Op{{Fn: tape.Add, Args: [3]int{0, 1}}}, Result: []int{2}}
			m.Out = []tape.Operand{dense(t.buffer(tape.Output, rows*cols), rows, cols)}
			return m
		}},
		{"short-rows", func(t *builder) tape.Instr {
			m := &tape.Map{Shape: []int{rows * cols / 20, 20}, In: []tape.Operand{dense(t.buffer(tape.Input, rows*cols),
				rows*cols/20, 20), {Ref: t.buffer(tape.Input, rows*cols/20), Strides: []int{1, 0}}},
				Code: []tape.Op{{Fn: tape.Mul, Args: [3]int{0, 1}}}, Result: []int{2}}
			m.Out = []tape.Operand{dense(t.buffer(tape.Output, rows*cols), rows*cols/20, 20)}
			return m
		}},
		{"attention-scores", func(t *builder) tape.Instr {
			return &tape.Product{A: t.buffer(tape.Input, 128*cols), B: t.buffer(tape.State, 128*20*cols),
				C: t.buffer(tape.Output, 128*20), Batch: 128, M: 1, N: 20, K: cols,
				TransB: true, LdA: cols, LdB: cols, LdC: 20, StrideA: cols, StrideB: 20 * cols, StrideC: 20}
		}},
		{"attention-context", func(t *builder) tape.Instr {
			return &tape.Product{A: t.buffer(tape.Input, 128*20), B: t.buffer(tape.State, 128*20*cols),
				C: t.buffer(tape.Output, 128*cols), Batch: 128, M: 1, N: cols, K: 20,
				LdA: 20, LdB: cols, LdC: cols, StrideA: 20, StrideB: 20 * cols, StrideC: cols}
		}},
		{"attention-outer", func(t *builder) tape.Instr {
			return &tape.Product{A: t.buffer(tape.Input, 128*20), B: t.buffer(tape.Input, 128*cols),
				C: t.buffer(tape.State, 128*20*cols), Batch: 128, M: 20, N: cols, K: 1, TransA: true, Acc: true,
				LdA: 20, LdB: cols, LdC: cols, StrideA: 20, StrideB: cols, StrideC: 20 * cols}
		}},
		{"vector-matrix", func(t *builder) tape.Instr {
			return &tape.Product{A: t.buffer(tape.Input, rows), B: t.buffer(tape.Output, rows*cols),
				C: t.buffer(tape.Output, cols), Batch: 1, M: 1, N: cols, K: rows,
				LdA: rows, LdB: cols, LdC: cols}
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			t := &builder{tape.Tape{Float: tape.Float32}}
			t.emit(c.make(t))
			p := t.start(b, Threads(1))
			b.ReportMetric(best(b, func() {
				if err := p.Run(); err != nil {
					b.Fatal(err)
				}
			})/rows/cols, "ns/elem")
		})
	}
}

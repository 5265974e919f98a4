package sim_test

import (
	"testing"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
	"github.com/unroll-ml/unroll/cuda/internal/ptx/sim"
)

// BenchmarkReduce sums rows as a kernel of a softmax does: a loop over global memory, shared memory, barriers,
// shuffles.
func BenchmarkReduce(b *testing.B) {
	f := kernel(b, func(b *ptx.Builder) {
		n, x, y := b.Param("n", ptx.S64), b.Pointer("x"), b.Pointer("y")
		tid := b.Special(ptx.TidX)
		row := b.Special(ptx.CtaidX)
		start := b.At(x, b.Mul(b.Convert(ptx.S64, row), n), 4)
		sum := b.Var(ptx.F32.Num(0))
		b.For(b.Convert(ptx.S64, tid), n, b.Convert(ptx.S64, b.Special(ptx.NtidX)), func(i ptx.Value) {
			v := b.Load(ptx.F32, b.At(start, i, 4), 0)
			b.Set(sum, b.Fma(v, v, sum))
		})
		v := sum
		for k := 16; k > 0; k /= 2 {
			v = b.Add(v, b.ShuffleXor(v, k))
		}
		s := b.Shared(ptx.F32, 32)
		b.If(b.Eq(b.And(tid, ptx.Int(31)), ptx.Int(0)), func() { b.Store(b.At(s, b.Shr(tid, ptx.Int(5)), 4), 0, v) })
		b.Barrier()
		b.If(b.Eq(tid, ptx.Int(0)), func() {
			total := b.Var(ptx.F32.Num(0))
			b.For(ptx.Int(0), b.Shr(b.Special(ptx.NtidX), ptx.Int(5)), ptx.Int(1), func(i ptx.Value) {
				b.Set(total, b.Add(total, b.Load(ptx.F32, b.At(s, i, 4), 0)))
			})
			b.Store(b.At(y, row, 4), 0, total)
		})
	})
	const rows, cols = 64, 4096
	m := sim.NewMemory(1<<30, false)
	x, y := upload(b, m, make([]float32, rows*cols)), upload(b, m, make([]float32, rows))
	var n int64
	for b.Loop() {
		s, err := f.Launch(&sim.Launch{Grid: line(rows), Block: line(256), Args: []uint64{cols, x, y}, Memory: m, Workers: 1})
		if err != nil {
			b.Fatal(err)
		}
		n += s.Instructions
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Minstr/s")
}

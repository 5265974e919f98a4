package kernel

import (
	"math"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
)

// argmax compares numbers as integers in which NaN is the largest and both zeros are equal.
func (r *row) argmax(x line, out ptx.Value) {
	b := r.Builder
	integer, smallest, largest := ptx.S32, math.MinInt32, math.MaxInt32
	if r.float == F64 {
		integer, smallest, largest = ptx.S64, math.MinInt64, math.MaxInt64
	}
	key := func(x ptx.Value) ptx.Value {
		bits := b.Bits(integer, b.Add(x, ptx.Num(0))) // -0 + 0 = 0
		ordered := b.Select(b.Lt(bits, ptx.Int(0)), b.Xor(bits, ptx.Int(largest)), bits)
		return b.Select(b.IsNaN(x), integer.Int(largest), ordered)
	}
	best, at := b.Var(integer.Int(smallest)), b.Var(ptx.U32.Int(0)) // no number has the smallest key
	r.columns(func(j ptx.Value) {                                   // from left to right
		k := key(x(j))
		b.If(b.Gt(k, best), func() {
			b.Set(best, k)
			b.Set(at, j)
		})
	})
	take := func(k, j ptx.Value) {
		better := b.Or(b.Gt(k, best), b.And(b.Eq(k, best), b.Lt(j, at)))
		b.Set(best, b.Select(better, k, best))
		b.Set(at, b.Select(better, j, at))
	}
	for distance := warp / 2; distance > 0; distance /= 2 {
		take(b.ShuffleXor(best, distance), b.ShuffleXor(at, distance))
	}
	if warps := r.threads / warp; warps > 1 {
		keys, places := b.Shared(integer, warps), b.Shared(ptx.U32, warps)
		number, lane := divide(b, r.tid, warp)
		b.If(b.Eq(lane, ptx.Int(0)), func() {
			b.Store(b.At(keys, number, integer.Size()), 0, best)
			b.Store(b.At(places, number, 4), 0, at)
		})
		b.Barrier()
		for w := range warps {
			take(b.Load(integer, keys, w*integer.Size()), b.Load(ptx.U32, places, 4*w))
		}
	}
	b.If(b.Eq(r.tid, ptx.Int(0)), func() { b.Store(out, 0, at) })
}

package kernel

import "github.com/unroll-ml/unroll/cuda/internal/ptx"

// A fold combines two partial results of one kind into one.
type fold func(b *ptx.Builder, x, y ptx.Value) ptx.Value

const warp = 32

// foldBlock folds x over all threads of a block of the given size, a multiple of warp, and gives all of them
// the result. The order is fixed: within warps as a butterfly, then the warps one after the other.
func foldBlock(b *ptx.Builder, threads int, x ptx.Value, f fold) ptx.Value {
	for distance := warp / 2; distance > 0; distance /= 2 {
		x = f(b, x, b.ShuffleXor(x, distance))
	}
	warps := threads / warp
	if warps == 1 {
		return x
	}
	t := x.Type()
	shared := b.Shared(t, warps)
	tid := b.Special(ptx.TidX)
	number, lane := divide(b, tid, warp)
	b.If(b.Eq(lane, ptx.Int(0)), func() { b.Store(b.At(shared, number, t.Size()), 0, x) })
	b.Barrier()
	x = b.Load(t, shared, 0)
	for w := 1; w < warps; w++ {
		x = f(b, x, b.Load(t, shared, w*t.Size()))
	}
	return x
}

package kernel

import (
	"github.com/unroll-ml/unroll/cuda/internal/ptx"
)

// NewCheck makes a check of n indices ready, at least one. Its parameters are the address of the indices, their
// number, the number of rows that they select from, and those of a fault.
func NewCheck(n int) Launch {
	blocks, threads := perThread(n)
	return Launch{newKernel("check", nil, threads, func(b *ptx.Builder) {
		indices := b.Pointer("index")
		count, rows := b.Param("n", ptx.U64), b.Convert(ptx.U32, b.Param("rows", ptx.U64))
		f := newFault(b, "")
		i := thread(b, threads, true)
		b.If(b.Lt(i, count), func() {
			index := b.Load(ptx.U32, b.At(indices, i, 4), 0)
			b.If(b.Ge(index, rows), func() { f.report(b, i, index) })
		})
	}), blocks, threads}
}

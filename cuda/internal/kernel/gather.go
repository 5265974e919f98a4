package kernel

import (
	"github.com/unroll-ml/unroll/cuda/internal/ptx"
)

// gatherSpec is what the kernel of a Gather depends on. Its parameters are
//
//	the addresses of Table, Index and Out, the number of items, Rows
//
// and those of a fault. An item is vector neighbours of a row; a thread moves one.
type gatherSpec struct {
	elem   Elem // B32, B64
	items  int  // of a row
	vector int
	wide   bool
}

// NewGather makes a tape.Gather ready, with at least one element: of n rows of width elements, which begin at
// addresses that are multiples of align bytes.
func NewGather(elem Elem, n, width, align int) (l Launch, items int) {
	s := gatherSpec{elem: elem, vector: vectorBytes / elem.Size()}
	for width%s.vector != 0 || align%(s.vector*elem.Size()) != 0 {
		s.vector /= 2
	}
	s.items = width / s.vector
	items = n * s.items
	s.wide = items > 1<<31-1
	blocks, threads := perThread(items)
	return Launch{newKernel("gather", s, threads, func(b *ptx.Builder) { s.write(b, threads) }), blocks, threads}, items
}

func (s gatherSpec) write(b *ptx.Builder, threads int) {
	table, indices, out := b.Pointer("table"), b.Pointer("index"), b.Pointer("out")
	items, rows := b.Param("items", ptx.U64), b.Convert(ptx.U32, b.Param("rows", ptx.U64))
	f := newFault(b, "")
	i := thread(b, threads, s.wide)
	b.If(b.Lt(b.Convert(ptx.U64, i), items), func() {
		n, item := divide(b, i, s.items)
		index := b.Load(ptx.U32, b.At(indices, n, 4), 0)
		bytes := s.vector * s.elem.Size()
		good := b.Lt(index, rows) // a negative one is large without its sign
		b.IfElse(good, func() {
			row := b.MadWide(index, ptx.Int(s.items), b.Convert(ptx.U64, item))
			from, to := b.At(table, row, bytes), b.At(out, i, bytes)
			if s.vector == 1 {
				b.Store(to, 0, b.Load(s.elem.register(), from, 0))
			} else {
				b.Store(to, 0, b.LoadVector(s.elem.register(), s.vector, from, 0)...)
			}
		}, func() {
			b.If(b.Eq(item, zero(item.Type())), func() { f.report(b, b.Convert(ptx.U64, n), index) })
		})
	})
}

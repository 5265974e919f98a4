package kernel

import (
	"github.com/unroll-ml/unroll/cuda/internal/ptx"
)

// ScatterAdd is a tape.ScatterAdd made ready. After Out was cleared, Rank sorts the numbers of the indices by
// what they select, stably, by counting: its warp n finds how many indices come before index n. Add then adds
// up, in that order, which within one row of Out is the order of n: one block for the first of equal indices
// and a tile of columns. Work grows as N²/8 comparisons and N·Width additions, whatever the number of rows. A
// long run of equal indices is added up by one thread a column, which loads many terms at a time: a sum waits
// for an addition of each term, not for memory.
//
// Rank has the parameters
//
//	the addresses of Index and Sorted, N, Rows, and those of a fault
//
// and Add the addresses of Sorted, In and Out, and Width. Sorted is N descriptions of 16 bytes: the number of
// the index, the row that it selects, and how many indices select the same row if this is the first of them,
// otherwise 0.
type ScatterAdd struct {
	Rank, Add Launch
}

// SortedBytes is the size of Sorted for one index.
const SortedBytes = 16

type scatterSpec struct{ elem Elem }

// NewScatterAdd makes a tape.ScatterAdd ready.
func NewScatterAdd(float Elem, n, width int) ScatterAdd {
	s := scatterSpec{float}
	return ScatterAdd{newRank(n), newColumns("scatter_add", s, n, width, s.writeAdd)}
}

// Put is a tape.Put made ready. Rank is that of a ScatterAdd; the kernel Put, with the parameters of Add, then
// copies the last of the rows with the same index.
type Put struct {
	Rank, Put Launch
}

// NewPut makes a tape.Put of elements of 32 or 64 bits ready.
func NewPut(elem Elem, n, width int) Put {
	s := scatterSpec{elem}
	return Put{newRank(n), newColumns("put", s, n, width, s.writePut)}
}

func newRank(n int) Launch {
	return Launch{newKernel("scatter_rank", nil, rankThreads, writeRank),
		[2]int{(n + rankThreads/warp - 1) / (rankThreads / warp), 1}, rankThreads}
}

// newColumns is a kernel with a block for each index and a tile of columns.
func newColumns(name string, s scatterSpec, n, width int, write func(b *ptx.Builder, columns int)) Launch {
	columns := 32
	for columns < 256 && columns < width {
		columns *= 2
	}
	return Launch{
		newKernel(name, s, columns, func(b *ptx.Builder) { write(b, columns) }),
		[2]int{n, (width + columns - 1) / columns}, columns,
	}
}

// rankThreads is the size of the blocks of Rank.
const rankThreads = 256

func writeRank(b *ptx.Builder) {
	indices, sorted := b.Pointer("index"), b.Pointer("sorted")
	count := b.Convert(ptx.U32, b.Param("n", ptx.U64))
	rows := b.Convert(ptx.U32, b.Param("rows", ptx.U64))
	f := newFault(b, "")
	number, lane := divide(b, b.Special(ptx.TidX), warp)
	n := b.Mad(b.Special(ptx.CtaidX), ptx.Int(rankThreads/warp), number)
	b.If(b.Lt(n, count), func() {
		mine := b.Load(ptx.U32, b.At(indices, n, 4), 0)
		smaller, before, equal := b.Var(ptx.U32.Int(0)), b.Var(ptx.U32.Int(0)), b.Var(ptx.U32.Int(0))
		increase := func(v, p ptx.Value) { b.Set(v, b.Add(v, b.Convert(ptx.U32, p))) }
		b.For(lane, count, ptx.Int(warp), func(m ptx.Value) {
			other := b.Load(ptx.U32, b.At(indices, m, 4), 0)
			same := b.Eq(other, mine)
			increase(smaller, b.Lt(other, mine))
			increase(before, b.And(same, b.Lt(m, n)))
			increase(equal, same)
		})
		total := func(x ptx.Value) ptx.Value { return foldBlock(b, warp, x, (*ptx.Builder).Add) }
		smaller, before, equal = total(smaller), total(before), total(equal)
		b.If(b.Eq(lane, ptx.Int(0)), func() {
			b.If(b.Ge(mine, rows), func() { f.report(b, b.Convert(ptx.U64, n), mine) })
			first := b.And(b.Eq(before, ptx.Int(0)), b.Lt(mine, rows))
			run := b.Select(first, equal, ptx.U32.Int(0))
			at := b.At(sorted, b.Add(smaller, before), SortedBytes)
			b.Store(at, 0, n, mine, run, ptx.U32.Int(0))
		})
	})
}

// termsAtOnce is how many terms of a sum a thread of Add loads before it adds the first: a power of two.
const termsAtOnce = 32

func (s scatterSpec) writeAdd(b *ptx.Builder, columns int) {
	sorted, in, out := b.Pointer("sorted"), b.Pointer("in"), b.Pointer("out")
	width := b.Param("width", ptx.U64)
	t, size := s.elem.register(), s.elem.Size()
	first := b.At(sorted, b.Special(ptx.CtaidX), SortedBytes)
	column := b.MadWide(b.Special(ptx.CtaidY), ptx.Int(columns), b.Convert(ptx.U64, b.Special(ptx.TidX)))
	b.If(b.Lt(column, width), func() {
		run := b.Load(ptx.U32, first, 8)
		b.If(b.Gt(run, ptx.Int(0)), func() {
			sum := b.Var(zero(t))
			element := func(row ptx.Value) ptx.Value { return b.Mad(b.Convert(ptx.U64, row), width, column) }
			add := func(from ptx.Value, terms int) {
				at := b.At(first, from, SortedBytes)
				xs := make([]ptx.Value, terms)
				for i := range xs {
					xs[i] = b.Load(ptx.U32, at, i*SortedBytes)
				}
				for i, n := range xs {
					xs[i] = b.Load(t, b.At(in, element(n), size), 0)
				}
				for _, x := range xs {
					b.Set(sum, b.Add(sum, x))
				}
			}
			b.For(ptx.U32.Int(termsAtOnce-1), run, ptx.Int(termsAtOnce), func(last ptx.Value) {
				add(b.Sub(last, ptx.Int(termsAtOnce-1)), termsAtOnce)
			})
			for terms := termsAtOnce / 2; terms > 0; terms /= 2 { // what is left, by the digits of its number
				b.If(b.Ne(b.And(run, ptx.Int(terms)), ptx.Int(0)), func() {
					add(b.And(run, ptx.U32.Int(-2*terms&(1<<32-1))), terms)
				})
			}
			row := b.Load(ptx.U32, first, 4)
			b.Store(b.At(out, element(row), size), 0, sum)
		})
	})
}

func (s scatterSpec) writePut(b *ptx.Builder, columns int) {
	sorted, in, out := b.Pointer("sorted"), b.Pointer("in"), b.Pointer("out")
	width := b.Param("width", ptx.U64)
	t, size := s.elem.register(), s.elem.Size()
	first := b.At(sorted, b.Special(ptx.CtaidX), SortedBytes)
	column := b.MadWide(b.Special(ptx.CtaidY), ptx.Int(columns), b.Convert(ptx.U64, b.Special(ptx.TidX)))
	b.If(b.Lt(column, width), func() {
		run := b.Load(ptx.U32, first, 8)
		b.If(b.Gt(run, ptx.Int(0)), func() {
			last := b.Load(ptx.U32, b.At(first, b.Sub(run, ptx.Int(1)), SortedBytes), 0)
			row := b.Load(ptx.U32, first, 4)
			element := func(row ptx.Value) ptx.Value { return b.Mad(b.Convert(ptx.U64, row), width, column) }
			b.Store(b.At(out, element(row), size), 0, b.Load(t, b.At(in, element(last), size), 0))
		})
	})
}

package kernel

import (
	"github.com/unroll-ml/unroll/cuda/internal/ptx"
	"github.com/unroll-ml/unroll/graph/tape"
)

// reduceSpec is what the kernels of a Reduce depend on.
type reduceSpec struct {
	fn    tape.ReduceFn
	float Elem
}

// Reduce is a tape.Reduce made ready, in one stage, or in two with parts of the sums between them. The kernel
// of a stage has the parameters
//
//	the address of In, the address of Out, N, Inner, Chunk
//
// and writes, for each o, part s and i, Fn over n in [s·Chunk, min(N, (s+1)·Chunk)) of In[o,n,i] to Out[o,s,i].
type Reduce struct {
	Stages []Stage
}

// Stage is a stage of a Reduce. The first writes Parts results for each of the Reduce's; the last one.
type Stage struct {
	Launch
	N, Inner, Chunk int
	Parts           int
}

// NewReduce makes a Reduce ready; it has at least one result.
func NewReduce(fn tape.ReduceFn, float Elem, outer, n, inner int) Reduce {
	s := reduceSpec{fn, float}
	stage := s.alongRow
	columns := outer
	if inner > 1 {
		stage, columns = s.acrossRows, outer*((inner+warp-1)/warp)
	}
	if chunk, parts := split(n, columns, inner > 1); parts > 1 {
		return Reduce{[]Stage{stage(outer, n, inner, chunk), stage(outer, parts, inner, parts)}}
	}
	return Reduce{[]Stage{stage(outer, n, inner, max(n, 1))}}
}

// Sums that few blocks would compute are cut into parts: until there are enough blocks to keep a GPU busy, but
// not into parts so small that they are not worth it.
const (
	enoughBlocks = 512
	leastAlong   = 4096 // terms of a part, of a sum along a row
	leastAcross  = 64   // of a sum across rows
)

func split(n, blocks int, across bool) (chunk, parts int) {
	least := leastAlong
	if across {
		least = leastAcross
	}
	parts = min((n+least-1)/least, max(1, enoughBlocks/max(blocks, 1)))
	if parts <= 1 {
		return n, 1
	}
	chunk = (n + parts - 1) / parts
	return chunk, (n + chunk - 1) / chunk
}

// start is the result for no terms, and fold adds one.
func (s reduceSpec) start() ptx.Value {
	if s.fn == tape.Sum {
		return zero(s.float.register())
	}
	return lowest(s.float.register())
}

func (s reduceSpec) fold() fold {
	if s.fn == tape.Sum {
		return (*ptx.Builder).Add
	}
	return (*ptx.Builder).MaxNaN
}

func (s reduceSpec) params(b *ptx.Builder) (in, out, n, inner, chunk ptx.Value) {
	return b.Pointer("in"), b.Pointer("out"), b.Param("n", ptx.U64), b.Param("inner", ptx.U64), b.Param("chunk", ptx.U64)
}

// alongRow reduces terms that are neighbours: one block a row, or a part of it.
func (s reduceSpec) alongRow(outer, n, inner, chunk int) Stage {
	threads := rowThreads(chunk)
	parts := max(1, (n+chunk-1)/chunk)
	return Stage{
		Launch: Launch{
			Kernel:  newKernel("reduce_row", s, threads, func(b *ptx.Builder) { s.writeAlongRow(b, threads) }),
			Blocks:  [2]int{outer, parts},
			Threads: threads,
		},
		N: n, Inner: inner, Chunk: chunk, Parts: parts,
	}
}

func (s reduceSpec) writeAlongRow(b *ptx.Builder, threads int) {
	t, size := s.float.register(), s.float.Size()
	in, out, n, _, chunk := s.params(b)
	row, part := b.Convert(ptx.U64, b.Special(ptx.CtaidX)), b.Convert(ptx.U64, b.Special(ptx.CtaidY))
	tid := b.Special(ptx.TidX)
	from := b.Mul(part, chunk)
	to := b.Min(n, b.Add(from, chunk))
	in = b.At(in, b.Mul(row, n), size)
	acc := b.Var(s.start())
	b.For(b.Add(from, b.Convert(ptx.U64, tid)), to, ptx.Int(threads), func(i ptx.Value) {
		b.Set(acc, s.fold()(b, acc, b.Load(t, b.At(in, i, size), 0)))
	})
	total := foldBlock(b, threads, acc, s.fold())
	b.If(b.Eq(tid, ptx.Int(0)), func() {
		parts := b.Convert(ptx.U64, b.Special(ptx.NctaidY))
		b.Store(b.At(out, b.Mad(row, parts, part), size), 0, total)
	})
}

// phases is how many terms of a sum across rows a block adds at the same time: one by each of its warps.
const phases = 8

// acrossRows reduces terms that are inner elements apart: one block for 32 neighbouring sums, or a part of
// them, each warp adding every eighth term.
func (s reduceSpec) acrossRows(outer, n, inner, chunk int) Stage {
	const threads = warp * phases
	parts := max(1, (n+chunk-1)/chunk)
	return Stage{
		Launch: Launch{
			Kernel:  newKernel("reduce_column", s, threads, s.writeAcrossRows),
			Blocks:  [2]int{outer * ((inner + warp - 1) / warp), parts},
			Threads: threads,
		},
		N: n, Inner: inner, Chunk: chunk, Parts: parts,
	}
}

func (s reduceSpec) writeAcrossRows(b *ptx.Builder) {
	t, size := s.float.register(), s.float.Size()
	in, out, n, inner, chunk := s.params(b)
	block, part := b.Convert(ptx.U64, b.Special(ptx.CtaidX)), b.Convert(ptx.U64, b.Special(ptx.CtaidY))
	tiles := b.Shr(b.Add(inner, ptx.Int(warp-1)), ptx.Int(5))
	row := b.Div(block, tiles)
	tile := b.Sub(block, b.Mul(row, tiles))
	phase, lane := divide(b, b.Special(ptx.TidX), warp)
	column := b.Mad(tile, ptx.Int(warp), b.Convert(ptx.U64, lane))
	inside := b.Lt(column, inner)

	from := b.Mul(part, chunk)
	to := b.Min(n, b.Add(from, chunk))
	acc := b.Var(s.start())
	b.If(inside, func() {
		first := b.At(in, b.Mad(b.Mul(row, n), inner, column), size)
		b.For(b.Add(from, b.Convert(ptx.U64, phase)), to, ptx.Int(phases), func(i ptx.Value) {
			b.Set(acc, s.fold()(b, acc, b.Load(t, b.At(first, b.Mul(i, inner), size), 0)))
		})
	})
	shared := b.Shared(t, warp*phases)
	b.Store(b.At(shared, b.Special(ptx.TidX), size), 0, acc)
	b.Barrier()
	b.If(b.And(inside, b.Eq(phase, ptx.Int(0))), func() {
		mine := b.At(shared, lane, size)
		total := b.Load(t, mine, 0)
		for p := 1; p < phases; p++ {
			total = s.fold()(b, total, b.Load(t, mine, p*warp*size))
		}
		parts := b.Convert(ptx.U64, b.Special(ptx.NctaidY))
		b.Store(b.At(out, b.Mad(b.Mad(row, parts, part), inner, column), size), 0, total)
	})
}

package kernel

import (
	"github.com/unroll-ml/unroll/cuda/internal/ptx"
)

// Transpose is a Copy whose input and output run along different axes: element r, c of matrix b lies at
// b*BatchIn + r + c*StrideIn of the input and at b*BatchOut + r*StrideOut + c of the output. Tiles of 32×32
// elements go through shared memory, so that both sides are accessed along their rows. The kernel has the
// parameters
//
//	the addresses of the input and the output, Rows, Cols, StrideIn, StrideOut, BatchIn, BatchOut
type Transpose struct {
	Launch
	Rows, Cols          int
	StrideIn, StrideOut int
	BatchIn, BatchOut   int
}

// tile is the number of rows and of columns of a tile.
const tile = warp

// tilePhases is how many rows of a tile are moved at a time, one by each warp of a block.
const tilePhases = 8

// NewTranspose makes a copy of strided elements ready as a transposition, if it is one of at most one batch
// axis and worth it.
func NewTranspose(elem Elem, shape, in, out []int) (t Transpose, ok bool) {
	shape, views := simplify(shape, [][]int{in, out}, 1)
	in, out = views[0], views[1]
	batch := 1
	if len(shape) == 3 {
		batch, t.BatchIn, t.BatchOut = shape[0], in[0], out[0]
		shape, in, out = shape[1:], in[1:], out[1:]
	}
	if len(shape) != 2 || in[0] != 1 || out[1] != 1 || in[1] < 0 || out[0] < 0 || shape[0] < tile/2 ||
		shape[1] < tile/2 || batch > 1<<16-1 {
		return t, false
	}
	t.Rows, t.Cols, t.StrideIn, t.StrideOut = shape[0], shape[1], in[1], out[0]
	tiles := ((t.Rows + tile - 1) / tile) * ((t.Cols + tile - 1) / tile)
	const threads = tile * tilePhases
	t.Launch = Launch{
		Kernel:  newKernel("transpose", elem, threads, func(b *ptx.Builder) { writeTranspose(b, elem) }),
		Blocks:  [2]int{tiles, batch},
		Threads: threads,
	}
	return t, true
}

func writeTranspose(b *ptx.Builder, elem Elem) {
	t, size := elem.register(), elem.Size()
	in, out := b.Pointer("in"), b.Pointer("out")
	rows, cols := b.Param("rows", ptx.U64), b.Param("cols", ptx.U64)
	strideIn, strideOut := b.Param("stride_in", ptx.U64), b.Param("stride_out", ptx.U64)
	batch := b.Convert(ptx.U64, b.Special(ptx.CtaidY))
	in = b.At(in, b.Mul(batch, b.Param("batch_in", ptx.U64)), size)
	out = b.At(out, b.Mul(batch, b.Param("batch_out", ptx.U64)), size)

	number := b.Special(ptx.CtaidX)
	across := b.Convert(ptx.U32, b.Shr(b.Add(cols, ptx.Int(tile-1)), ptx.Int(5))) // tiles of a row of tiles
	down := b.Div(number, across)
	row0, col0 := b.MulWide(down, ptx.Int(tile)), b.MulWide(b.Sub(number, b.Mul(down, across)), ptx.Int(tile))
	phase, lane := divide(b, b.Special(ptx.TidX), tile)
	wide := func(x ptx.Value) ptx.Value { return b.Convert(ptx.U64, x) }
	const pitch = tile + 1 // so that a column of the tile lies in different banks
	shared := b.Shared(t, tile*pitch)
	inside := func(r, c ptx.Value) ptx.Value { return b.And(b.Lt(r, rows), b.Lt(c, cols)) }
	for k := 0; k < tile; k += tilePhases {
		c := b.Add(phase, ptx.Int(k))
		row, col := b.Add(row0, wide(lane)), b.Add(col0, wide(c))
		b.If(inside(row, col), func() {
			x := b.Load(t, b.At(in, b.Mad(col, strideIn, row), size), 0)
			b.Store(b.At(shared, b.Mad(c, ptx.Int(pitch), lane), size), 0, x)
		})
	}
	b.Barrier()
	for k := 0; k < tile; k += tilePhases {
		r := b.Add(phase, ptx.Int(k))
		row, col := b.Add(row0, wide(r)), b.Add(col0, wide(lane))
		b.If(inside(row, col), func() {
			x := b.Load(t, b.At(shared, b.Mad(lane, ptx.Int(pitch), r), size), 0)
			b.Store(b.At(out, b.Mad(row, strideOut, col), size), 0, x)
		})
	}
}

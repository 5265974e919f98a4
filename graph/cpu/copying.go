package cpu

import (
	"slices"
	"unsafe"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// copying is a tape.Copy. It moves elements of the size of a B, whatever their type, as matrices: the two axes
// that matter are chosen so that one runs through contiguous memory on either side, if there are such.
type copying[B float32 | float64] struct {
	kernels    *kernel.Set[B]
	outer      []int // the other axes
	in, out    copyView
	rows, cols int
	matrices   int
	pieces     int // of the rows of a matrix
	src, dst   *B
	parts      int
	part       func(member, part int)
}

type copyView struct {
	place
	outer    []int // strides
	row, col int   // strides
}

func (l *loader[T]) copying(c *tape.Copy) []step {
	if volume(c.Shape) == 0 {
		return nil
	}
	if l.tape.Buffers[c.In.Buf].Dtype.Size() == 8 {
		return newCopying(l, kernel.Float64(), c)
	}
	return newCopying(l, kernel.Float32(l.kernels.Path), c)
}

func newCopying[B float32 | float64, T kernel.Float](l *loader[T], ks *kernel.Set[B], c *tape.Copy) []step {
	dims, strides := collapse(c.Shape, [][]int{c.In.Strides, c.Out.Strides})
	in, out := strides[0], strides[1]
	// take removes an axis and returns its length and strides.
	take := func(axis int) (n, sIn, sOut int) {
		n, sIn, sOut = dims[axis], in[axis], out[axis]
		dims, in, out = slices.Delete(dims, axis, axis+1), slices.Delete(in, axis, axis+1), slices.Delete(out, axis, axis+1)
		return n, sIn, sOut
	}
	s := &copying[B]{kernels: ks, in: copyView{place: newPlace(l.tape, c.In.Ref)},
		out: copyView{place: newPlace(l.tape, c.Out.Ref)}}
	s.cols, s.in.col, s.out.col = take(len(dims) - 1)
	s.rows = 1
	if len(dims) > 0 {
		row := len(dims) - 1
		if i := slices.Index(in, 1); i >= 0 && s.in.col != 1 {
			row = i
		}
		s.rows, s.in.row, s.out.row = take(row)
	}
	s.outer, s.in.outer, s.out.outer, s.matrices = dims, in, out, volume(dims)
	s.pieces = (s.rows + copyPiece - 1) / copyPiece
	s.parts = l.parts(0.4*float64(s.matrices*s.rows*s.cols), s.matrices*s.pieces)
	s.part = s.compute
	return []step{s}
}

// copyPiece is how many rows are copied at a stretch: a multiple of a vector.
const copyPiece = 64

func (c *copying[B]) run(m *machine) error {
	c.src, c.dst = (*B)(c.in.place.in(m)), (*B)(c.out.place.in(m))
	m.team.do(c.parts, c.part)
	return nil
}

func (c *copying[B]) compute(_, part int) {
	from, to := share(c.matrices*c.pieces, c.parts, part)
	for i := from; i < to; i++ {
		matrix, row := i/c.pieces, i%c.pieces*copyPiece
		src := offset(c.src, at(c.outer, c.in.outer, matrix)+row*c.in.row)
		dst := offset(c.dst, at(c.outer, c.out.outer, matrix)+row*c.out.row)
		c.matrix(min(copyPiece, c.rows-row), dst, src)
	}
}

// matrix copies some rows.
func (c *copying[B]) matrix(rows int, dst, src *B) {
	if c.in.row == 1 && c.out.col == 1 && c.in.col > 0 && c.out.row > 0 {
		c.kernels.Transpose(c.cols, rows, dst, c.out.row, src, c.in.col)
		return
	}
	for i := range rows {
		src, dst := offset(src, i*c.in.row), offset(dst, i*c.out.row)
		if c.in.col == 1 && c.out.col == 1 {
			copy(unsafe.Slice(dst, c.cols), unsafe.Slice(src, c.cols))
			continue
		}
		for j := range c.cols {
			*offset(dst, j*c.out.col) = *offset(src, j*c.in.col)
		}
	}
}

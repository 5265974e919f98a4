package cpu

import (
	"unsafe"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// copying is a tape.Copy of elements that are as large as a B.
type copying[B uint32 | uint64] struct {
	outer    []int // collapsed axes but the last
	inner    int   // the last
	in, out  copyView
	src, dst *B
	nRows    int
	parts    int
	part     func(member, part int)
}

type copyView struct {
	place
	outer []int // strides
	inner int   // stride
}

func (l *loader[T]) copying(c *tape.Copy) []step {
	if volume(c.Shape) == 0 {
		return nil
	}
	if l.tape.Buffers[c.In.Buf].Dtype.Size() == 8 {
		return newCopying[uint64](l, c)
	}
	return newCopying[uint32](l, c)
}

func newCopying[B uint32 | uint64, T kernel.Float](l *loader[T], c *tape.Copy) []step {
	dims, strides := collapse(c.Shape, [][]int{c.In.Strides, c.Out.Strides})
	last := len(dims) - 1
	s := &copying[B]{outer: dims[:last], inner: dims[last], nRows: volume(dims[:last])}
	s.in = copyView{newPlace(l.tape, c.In.Ref), strides[0][:last], strides[0][last]}
	s.out = copyView{newPlace(l.tape, c.Out.Ref), strides[1][:last], strides[1][last]}
	s.parts = l.parts(0.5*float64(volume(dims)), max(s.nRows, 1))
	s.part = s.copyRows
	return []step{s}
}

func (c *copying[B]) run(m *machine) error {
	c.src, c.dst = (*B)(c.in.place.in(m)), (*B)(c.out.place.in(m))
	m.team.do(c.parts, c.part)
	return nil
}

func (c *copying[B]) copyRows(_, part int) {
	from, to := share(c.nRows, c.parts, part)
	for row := from; row < to; row++ {
		src, dst := offset(c.src, at(c.outer, c.in.outer, row)), offset(c.dst, at(c.outer, c.out.outer, row))
		if c.in.inner == 1 && c.out.inner == 1 {
			copy(unsafe.Slice(dst, c.inner), unsafe.Slice(src, c.inner))
			continue
		}
		for j := range c.inner {
			*offset(dst, j*c.out.inner) = *offset(src, j*c.in.inner)
		}
	}
}

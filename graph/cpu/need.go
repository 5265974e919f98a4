package cpu

import (
	"unsafe"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// need says which rows of a product are needed, see tape.Product. Those that are not become zeros, or stay as they are
// where the product is added to C.
type need[T kernel.Float] struct {
	place
	ints   bool
	x      *matrices
	floats []T // the numbers of this run, or
	whole  []int32
}

// newNeed is the Need of a product; nil: all rows are needed. Where A and B have changed places, its rows are columns.
func (l *loader[T]) newNeed(p *tape.Product, x *matrices) *need[T] {
	if p.Need == nil || x.transpose {
		return nil
	}
	return &need[T]{place: newPlace(l.tape, *p.Need), ints: l.tape.Buffers[p.Need.Buf].Dtype == tape.Int32, x: x}
}

// locate finds the numbers of this run. A product asks for it before it asks for rows.
func (n *need[T]) locate(m *machine) {
	if n == nil {
		return
	}
	rows := n.x.batch * n.x.m
	if n.ints {
		n.whole = unsafe.Slice((*int32)(n.in(m)), rows)
	} else {
		n.floats = unsafe.Slice((*T)(n.in(m)), rows)
	}
}

func (n *need[T]) row(item, i int) bool {
	i += item * n.x.m
	if n.ints {
		return n.whole[i] != 0
	}
	return n.floats[i] != 0
}

// A strip is rows of C, from one to before another, all of one panel of A.
type strip struct{ panel, from, to int }

// strips appends, for each panel of width rows of a matrix, those from the first that is needed to the last.
func (n *need[T]) strips(to []strip, item, width int) []strip {
	for panel := range (n.x.m + width - 1) / width {
		s := strip{panel, panel * width, min((panel+1)*width, n.x.m)}
		for s.from < s.to && !n.row(item, s.from) {
			s.from++
		}
		for s.from < s.to && !n.row(item, s.to-1) {
			s.to--
		}
		if s.from < s.to {
			to = append(to, s)
		}
	}
	return to
}

// leaveOut gives the rows of C that are in no strip what is promised of them, in n columns from one on.
func leaveOut[T kernel.Float](x *matrices, c *T, strips []strip, column, n int) {
	if x.acc {
		return
	}
	row := 0
	for i := range len(strips) + 1 {
		from, to := x.m, x.m
		if i < len(strips) {
			from, to = strips[i].from, strips[i].to
		}
		for ; row < from; row++ {
			clear(unsafe.Slice(offset(c, row*x.cRow+column), n))
		}
		row = to
	}
}

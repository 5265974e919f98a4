package cpu

import (
	"unsafe"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
)

// skinny is a product of a few rows by a matrix that is read only once, where it lies. Rows of B go through
// Tile, columns through Dot. It is for kernels that read operands where they lie.
type skinny[T kernel.Float] struct {
	kernels *kernel.Set[T]
	x       matrices
	need    *need[T]
	a, b, c place
	at      [3]*T
	columns int // parts that each matrix of the batch is split into
	parts   int
	part    func(member, part int)
	m       *machine
}

func (l *loader[T]) newSkinny(x matrices, a, b, c place, need *need[T], cost float64) *skinny[T] {
	s := &skinny[T]{kernels: l.kernels, x: x, need: need, a: a, b: b, c: c}
	panels := (x.n + l.kernels.NR - 1) / l.kernels.NR
	parts := l.parts(cost, x.batch*panels)
	s.columns = min(panels, (parts+x.batch-1)/x.batch)
	s.parts = parts
	if s.columns > 1 {
		s.parts = min(maxParts, x.batch*s.columns)
	}
	s.part = s.compute
	var t T
	l.scratch = max(l.scratch, maxBlock*l.kernels.NR*int(unsafe.Sizeof(t)))
	return s
}

func (s *skinny[T]) run(m *machine) error {
	s.at = [3]*T{(*T)(s.a.in(m)), (*T)(s.b.in(m)), (*T)(s.c.in(m))}
	s.m = m
	s.need.locate(m)
	m.team.do(s.parts, s.part)
	return nil
}

func (s *skinny[T]) compute(member, part int) {
	from, to := share(s.x.batch*s.columns, s.parts, part)
	nr := s.kernels.NR
	for i := from; i < to; i++ {
		item := i / s.columns
		j0, j1 := share((s.x.n+nr-1)/nr, s.columns, i%s.columns)
		a, b, c := offset(s.at[0], item*s.x.strideA), offset(s.at[1], item*s.x.strideB), offset(s.at[2], item*s.x.strideC)
		rows := s.x.m
		if s.need != nil {
			var one [1]strip
			needed := s.need.strips(one[:0], item, s.x.m)
			leaveOut(&s.x, c, needed, j0*nr, min(j1*nr, s.x.n)-j0*nr)
			if len(needed) == 0 {
				continue
			}
			rows = needed[0].to - needed[0].from
			a, c = offset(a, needed[0].from*s.x.aRow), offset(c, needed[0].from*s.x.cRow)
		}
		if s.x.bCol == 1 {
			s.tiles(member, rows, a, b, c, j0, j1)
		} else {
			s.dots(rows, a, b, c, j0*nr, min(j1*nr, s.x.n))
		}
	}
}

// tiles computes panels [j0, j1) of columns, of some rows. The last panel, if it is not whole, is packed first: Tile reads it
// to its full width.
func (s *skinny[T]) tiles(member, rows int, a, b, c *T, j0, j1 int) {
	x, ks := &s.x, s.kernels
	for j := j0; j < j1; j++ {
		col := j * ks.NR
		n := min(ks.NR, x.n-col)
		for block, blocks := 0, blocks(x.k); block < blocks; block++ {
			p0, p1 := share(x.k, blocks, block)
			panel, bK := offset(b, p0*x.bK+col), x.bK
			if n < ks.NR {
				narrow := unsafe.SliceData(scratchOf[T](s.m, member, 0, (p1-p0)*ks.NR))
				ks.Pack(narrow, ks.NR, n, p1-p0, panel, 1, bK)
				panel, bK = narrow, ks.NR
			}
			for i := 0; i < rows; i += ks.MR {
				ks.Tile(min(ks.MR, rows-i), n, p1-p0, offset(a, i*x.aRow+p0*x.aK), x.aRow, x.aK, panel, bK, offset(c, i*x.cRow+col),
					x.cRow, x.acc || p0 > 0)
			}
		}
	}
}

// dots computes columns [j0, j1) of some rows.
func (s *skinny[T]) dots(rows int, a, b, c *T, j0, j1 int) {
	x := &s.x
	for i := range rows {
		row := unsafe.Slice(offset(c, i*x.cRow), x.n)
		for j := j0; j < j1; j++ {
			d := s.kernels.Dot(x.k, offset(a, i*x.aRow), offset(b, j*x.bCol))
			if x.acc {
				d += row[j]
			}
			row[j] = d
		}
	}
}

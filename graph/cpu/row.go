package cpu

import (
	"cmp"
	"unsafe"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// rowProduct is a product of one row by a packed matrix: a step of a recurrence for one sequence. All of its time goes
// into reading the matrix, so that the team shares out its columns, in one job.
type rowProduct[T kernel.Float] struct {
	kernels *kernel.Set[T] // of the matrix
	ofRow   *kernel.Set[T]
	x       matrices
	packB   *packed[T]
	need    *need[T]
	a, c    place
	atA     *T // the row, packed if the kernels want it so
	atC     *T
	parts   int
	part    func(member, part int)
}

// rowProduct makes a product one, if it is of a row that is contiguous, by a matrix that stays packed; else it gives
// nil.
func (l *loader[T]) rowProduct(x matrices, refB tape.Ref, a, c place, need *need[T]) step {
	if x.batch != 1 || x.m != 1 || x.aK != 1 {
		return nil
	}
	ks := cmp.Or(l.kernels.ByRow, l.kernels)
	packB := l.pack(ks, refB, operand{
		n: x.n, k: x.k, depth: ks.Depth(x.k), width: ks.NR, srcI: x.bCol, srcK: x.bK,
	})
	if packB == nil {
		return nil
	}
	s := &rowProduct[T]{kernels: ks, ofRow: l.kernels, x: x, packB: packB, need: need, a: a, c: c}
	s.parts = l.parts(rowCost*float64(x.n*x.k)*float64(unsafe.Sizeof(T(0))), s.groups())
	s.part = s.compute
	if l.kernels.Pairs != 0 {
		l.scratch = max(l.scratch, l.kernels.Depth(x.k)*int(unsafe.Sizeof(T(0))))
	}
	return s
}

// rowCost is rough nanoseconds for a byte of the matrix.
const rowCost = 0.03

// groups are so many panels as Row computes at once.
func (s *rowProduct[T]) groups() int {
	return (s.packB.panels() + s.kernels.RowPanels - 1) / s.kernels.RowPanels
}

func (s *rowProduct[T]) run(m *machine) error {
	s.atA, s.atC = (*T)(s.a.in(m)), (*T)(s.c.in(m))
	if s.need.locate(m); s.need != nil && !s.need.row(0, 0) {
		leaveOut(&s.x, s.atC, nil, 0, s.x.n)
		return nil
	}
	if s.ofRow.Pairs != 0 {
		row := unsafe.SliceData(scratchOf[T](m, 0, 0, s.ofRow.Depth(s.x.k))) // of member 0, for all
		s.ofRow.Pack(row, 1, 1, s.x.k, s.atA, s.x.k, 1)
		s.atA = row
	}
	m.team.do(s.parts, s.part)
	return nil
}

func (s *rowProduct[T]) compute(_, part int) {
	x, nr := &s.x, s.kernels.NR
	from, to := share(s.groups(), s.parts, part)
	for block, n := 0, blocks(s.packB.depth); block < n; block++ {
		p0, p1 := cut(s.kernels, x.k, n, block)
		k, acc := s.kernels.Depth(p1-p0), x.acc || p0 > 0
		a, b := offset(s.atA, s.ofRow.Depth(p0)), s.packB.block(p0)
		for panel := from * s.kernels.RowPanels; panel < min(to*s.kernels.RowPanels, s.packB.panels()); {
			col := panel * nr
			at, c := offset(b, col*k), offset(s.atC, col)
			if col+s.kernels.RowPanels*nr <= x.n {
				s.kernels.Row(k, a, at, nr*k, c, acc)
				panel += s.kernels.RowPanels
				continue
			}
			s.kernels.Tile(1, min(nr, x.n-col), k, a, 1, s.ofRow.Depth(2)/s.kernels.Depth(2), at, nr, c, x.cRow, acc)
			panel++
		}
	}
}

package cpu

import (
	"unsafe"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// checkIndices returns a *tape.IndexError for the first index outside of [0, rows).
func checkIndices(in tape.Instr, indices []int32, rows int) error {
	for i, index := range indices {
		if uint(index) >= uint(rows) {
			return &tape.IndexError{Instr: in.String(), Pos: i, Index: int(index), Rows: rows}
		}
	}
	return nil
}

// gatherRows is a tape.Gather. It copies bytes, whatever the elements are.
type gatherRows struct {
	tape              *tape.Gather
	table, index, out place
	width             int // bytes
	src, dst          unsafe.Pointer
	indices           []int32
	parts             int
	part              func(member, part int)
}

func (l *loader[T]) gather(g *tape.Gather) []step {
	if g.N == 0 {
		return nil
	}
	s := &gatherRows{
		tape: g, table: newPlace(l.tape, g.Table), index: newPlace(l.tape, g.Index), out: newPlace(l.tape, g.Out),
		width: g.Width * l.tape.Buffers[g.Table.Buf].Dtype.Size(),
		parts: l.parts(float64(g.N)*(5+0.2*float64(g.Width)), g.N),
	}
	s.part = s.copyRows
	return []step{s}
}

func (g *gatherRows) run(m *machine) error {
	g.src, g.dst, g.indices = g.table.in(m), g.out.in(m), elements[int32](m, &g.index, g.tape.N)
	if err := checkIndices(g.tape, g.indices, g.tape.Rows); err != nil {
		return err
	}
	m.team.do(g.parts, g.part)
	return nil
}

func (g *gatherRows) copyRows(_, part int) {
	from, to := share(len(g.indices), g.parts, part)
	for i := from; i < to; i++ {
		src := unsafe.Slice((*byte)(unsafe.Add(g.src, int(g.indices[i])*g.width)), g.width)
		copy(unsafe.Slice((*byte)(unsafe.Add(g.dst, i*g.width)), g.width), src)
	}
}

// scatterAdd is a tape.ScatterAdd. Each part owns a stripe of columns, and adds the rows in order.
type scatterAdd[T kernel.Float] struct {
	tape           *tape.ScatterAdd
	add            func(n int, dst, x, y, z *T)
	index, in, out place
	src, dst       *T
	indices        []int32
	parts          int
	part           func(member, part int)
}

func (l *loader[T]) scatter(a *tape.ScatterAdd) []step {
	if a.Rows*a.Width == 0 {
		return nil
	}
	s := &scatterAdd[T]{
		tape: a, add: l.kernels.Apply[tape.Add],
		index: newPlace(l.tape, a.Index), in: newPlace(l.tape, a.In), out: newPlace(l.tape, a.Out),
	}
	cost := float64(a.N)*(10+0.2*float64(a.Width)) + 0.1*float64(a.Rows*a.Width)
	s.parts = l.parts(cost, (a.Width+63)/64)
	s.part = s.stripe
	return []step{s}
}

func (a *scatterAdd[T]) run(m *machine) error {
	a.src, a.dst, a.indices = (*T)(a.in.in(m)), (*T)(a.out.in(m)), elements[int32](m, &a.index, a.tape.N)
	if err := checkIndices(a.tape, a.indices, a.tape.Rows); err != nil {
		return err
	}
	m.team.do(a.parts, a.part)
	return nil
}

func (a *scatterAdd[T]) stripe(_, part int) {
	width := a.tape.Width
	from, to := share(width, a.parts, part)
	for r := range a.tape.Rows {
		clear(unsafe.Slice(offset(a.dst, r*width+from), to-from))
	}
	for i, r := range a.indices {
		row := offset(a.dst, int(r)*width+from)
		a.add(to-from, row, row, offset(a.src, i*width+from), row)
	}
}

// putRows is a tape.Put. Each part owns a stripe of columns, of bytes whatever the elements are, and copies the rows in
// order.
type putRows struct {
	tape           *tape.Put
	index, in, out place
	width          int // bytes
	src, dst       unsafe.Pointer
	indices        []int32
	parts          int
	part           func(member, part int)
}

func (l *loader[T]) put(p *tape.Put) []step {
	if p.N == 0 {
		return nil
	}
	s := &putRows{
		tape: p, index: newPlace(l.tape, p.Index), in: newPlace(l.tape, p.In), out: newPlace(l.tape, p.Out),
		width: p.Width * l.tape.Buffers[p.In.Buf].Dtype.Size(),
	}
	s.parts = l.parts(float64(p.N)*(5+0.2*float64(p.Width)), max((s.width+tape.Align-1)/tape.Align, 1))
	s.part = s.stripe
	return []step{s}
}

func (p *putRows) run(m *machine) error {
	p.src, p.dst, p.indices = p.in.in(m), p.out.in(m), elements[int32](m, &p.index, p.tape.N)
	if err := checkIndices(p.tape, p.indices, p.tape.Rows); err != nil {
		return err
	}
	m.team.do(p.parts, p.part)
	return nil
}

func (p *putRows) stripe(_, part int) {
	from, to := share(p.width, p.parts, part)
	for i, r := range p.indices {
		src := unsafe.Slice((*byte)(unsafe.Add(p.src, i*p.width+from)), to-from)
		copy(unsafe.Slice((*byte)(unsafe.Add(p.dst, int(r)*p.width+from)), to-from), src)
	}
}

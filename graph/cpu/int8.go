package cpu

import (
	"unsafe"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Int8Weights computes products of Float32 tapes by weights as int8: those by a matrix in a slot that programs have in
// common (tape.Sharer) and that the tape does not write. Each of its columns becomes whole numbers of at most 127 in
// size times a scale, once, and each row that is multiplied becomes the same, whenever it is. Other products are not
// concerned. Results have the same bits on every instruction path, and do not depend on which rows are multiplied
// together.
func Int8Weights() Option { return func(d *device) { d.int8 = true } }

// weights8 is a matrix of weights as int8, and the scales of its columns.
type weights8 struct {
	operand // columns of B; the depth is in quads of terms
	place   place
	stamp   uint64 // as that of a store
	numbers []int8
	scales  []float32
	parts   int
	part    func(member, part int)
	src     *float32
}

// asInt8 is the weights behind the B of a product, or nil if it is not one by weights.
func (l *loader[T]) asInt8(x *matrices, r tape.Ref) *weights8 {
	if l.int8 == nil || x.batch != 1 || x.transpose || x.k > kernel.Int8MaxTerms || l.commonName(r.Buf) == "" ||
		l.hoist(r) != l.frames[0] {
		return nil
	}
	o := operand{n: x.n, k: x.k, depth: (x.k + 3) / 4, width: kernel.Int8Columns, srcI: x.bCol, srcK: x.bK}
	key := packKey{l.frames[0], r.Buf, r.Off, "", o}
	w := l.weights8[key]
	if w == nil {
		w = &weights8{operand: o, place: newPlace(l.tape, r), parts: l.parts(3*float64(o.n*o.k), o.panels())}
		w.part = w.quantize
		l.weights8[key] = w
		l.frames[0].before = append(l.frames[0].before, w)
	}
	return w
}

func (w *weights8) run(m *machine) error {
	now := *m.written[w.place.buf] + 1
	if w.stamp == now {
		return nil
	}
	w.stamp = now
	w.src = (*float32)(w.place.in(m))
	m.team.do(w.parts, w.part)
	return nil
}

func (w *weights8) panel(j int) *int8 { return &w.numbers[j*w.width*4*w.depth] }

func (w *weights8) quantize(_, part int) {
	from, to := share(w.panels(), w.parts, part)
	for i := from * w.width; i < min(to*w.width, w.n); i++ {
		column := (*int8)(unsafe.Add(unsafe.Pointer(w.panel(i/w.width)), i%w.width*4))
		w.scales[i] = kernel.Quantize(w.k, column, 4*w.width, offset(w.src, i*w.srcI), w.srcK)
	}
}

// int8Product is a product by weights as int8. T is float32.
type int8Product[T kernel.Float] struct {
	kernel   kernel.Int8Row
	x        matrices
	weights  *weights8
	need     *need[T]
	strips   []strip // of one row each: those that are needed
	a, c     place
	rows     *int8 // of A
	scales   *float32
	atA, atC *float32
	rowParts int
	rowPart  func(member, part int)
	parts    int
	part     func(member, part int)
	m        *machine
}

func (l *loader[T]) newInt8Product(x matrices, w *weights8, a, c place, need *need[T]) *int8Product[T] {
	s := &int8Product[T]{kernel: l.int8, x: x, weights: w, need: need, a: a, c: c}
	claim(&l.work, x.m*4*w.depth, func(at *int8) { s.rows = at })
	claim(&l.work, x.m, func(at *float32) { s.scales = at })
	l.scratch = max(l.scratch, 4*w.width)
	s.rowParts = l.parts(1.5*float64(x.m*x.k), x.m)
	s.parts = l.parts(int8Cost*float64(x.m*x.n*x.k), w.panels())
	s.rowPart, s.part = s.quantize, s.compute
	for i := range x.m {
		s.strips = append(s.strips, strip{i, i, i + 1})
	}
	return s
}

// int8Cost is rough nanoseconds for a term.
const int8Cost = 0.015

func (s *int8Product[T]) run(m *machine) error {
	s.atA, s.atC, s.m = (*float32)(s.a.in(m)), (*float32)(s.c.in(m)), m
	if s.need != nil {
		s.need.locate(m)
		s.strips = s.need.strips(s.strips[:0], 0, 1)
		leaveOut(&s.x, (*T)(s.c.in(m)), s.strips, 0, s.x.n)
	}
	m.team.do(s.rowParts, s.rowPart)
	m.team.do(s.parts, s.part)
	return nil
}

func (s *int8Product[T]) quantize(_, part int) {
	from, to := share(len(s.strips), s.rowParts, part)
	for _, strip := range s.strips[from:to] {
		i := strip.from
		row := offset(s.rows, i*4*s.weights.depth)
		*offset(s.scales, i) = kernel.Quantize(s.x.k, row, 4, offset(s.atA, i*s.x.aRow), s.x.aK)
	}
}

func (s *int8Product[T]) compute(member, part int) {
	w := s.weights
	narrow := scratchOf[float32](s.m, member, 0, w.width)
	from, to := share(w.panels(), s.parts, part)
	for j := from; j < to; j++ {
		col := j * w.width
		n := min(w.width, w.n-col)
		for _, strip := range s.strips {
			i := strip.from
			c := offset(s.atC, i*s.x.cRow+col)
			row, scale := offset(s.rows, i*4*w.depth), *offset(s.scales, i)
			if n == w.width {
				s.kernel(w.depth, row, w.panel(j), &w.scales[col], scale, c, s.x.acc)
				continue
			}
			rest := unsafe.Slice(c, n)
			copy(narrow, rest)
			s.kernel(w.depth, row, w.panel(j), &w.scales[col], scale, &narrow[0], s.x.acc)
			copy(rest, narrow)
		}
	}
}

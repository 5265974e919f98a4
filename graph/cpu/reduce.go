package cpu

import (
	"unsafe"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

const (
	// sumBlock is how many terms are summed at a stretch; sums of these sums are taken then. It bounds rounding
	// errors, and lets several threads work on one sum in an order that does not depend on them.
	sumBlock = 4096

	// rowBlock is the same for sums of rows, and stripe how many columns of them are added at a time.
	rowBlock = 128
	stripe   = 1024
)

func (l *loader[T]) reduce(r *tape.Reduce) []step {
	if r.Outer*r.Inner == 0 {
		return nil
	}
	s := &reduce[T]{kernels: l.kernels, tape: r, in: newPlace(l.tape, r.In), out: newPlace(l.tape, r.Out)}
	s.init, s.combine, s.whole = 0, l.kernels.Apply[tape.Add], l.kernels.Sum
	if r.Fn == tape.ReduceMax {
		s.init, s.combine, s.whole = negInf[T](), l.kernels.Apply[tape.Max], l.kernels.Max
	}
	cost := 0.3 * float64(r.Outer*r.N*r.Inner)
	if r.Inner == 1 {
		s.blocks = max(1, (r.N+sumBlock-1)/sumBlock)
		s.partial = make([]T, r.Outer*s.blocks)
		s.parts = l.parts(cost, len(s.partial))
		s.part = s.blockSums
		return []step{s}
	}
	s.blocks = (r.Inner + stripe - 1) / stripe
	if r.Outer == 1 { // narrower stripes, for all members to have some
		s.blocks = max(s.blocks, l.parts(cost, (r.Inner+15)/16))
	}
	s.parts = l.parts(cost, r.Outer*s.blocks)
	s.part = s.stripes
	l.scratch = max(l.scratch, roundUp(r.Inner, 16)*int(unsafe.Sizeof(T(0))))
	return []step{s}
}

func negInf[T kernel.Float]() T {
	var zero T
	return -1 / zero
}

// reduce is a tape.Reduce.
type reduce[T kernel.Float] struct {
	kernels *kernel.Set[T]
	tape    *tape.Reduce
	in, out place
	init    T
	combine func(n int, dst, x, y, z *T)
	whole   func(n int, x *T) T
	src     *T
	dst     *T
	blocks  int // of a sum if Inner is 1, else stripes of a row
	partial []T
	parts   int
	part    func(member, part int)
	m       *machine
}

func (r *reduce[T]) run(m *machine) error {
	r.m, r.src, r.dst = m, (*T)(r.in.in(m)), (*T)(r.out.in(m))
	m.team.do(r.parts, r.part)
	if r.tape.Inner == 1 {
		for o := range r.tape.Outer {
			*offset(r.dst, o) = r.whole(r.blocks, &r.partial[o*r.blocks])
		}
	}
	return nil
}

// blockSums reduces blocks of contiguous elements.
func (r *reduce[T]) blockSums(_, part int) {
	from, to := share(len(r.partial), r.parts, part)
	for i := from; i < to; i++ {
		n0 := i % r.blocks * sumBlock
		r.partial[i] = r.whole(min(sumBlock, r.tape.N-n0), offset(r.src, i/r.blocks*r.tape.N+n0))
	}
}

// stripes reduces stretches of columns: first rowBlock rows to one, then that into the result.
func (r *reduce[T]) stripes(member, part int) {
	t := r.tape
	from, to := share(t.Outer*r.blocks, r.parts, part)
	for i := from; i < to; i++ {
		j0, j1 := share(t.Inner, r.blocks, i%r.blocks)
		n := j1 - j0
		src, dst := offset(r.src, i/r.blocks*t.N*t.Inner+j0), offset(r.dst, i/r.blocks*t.Inner+j0)
		sums := unsafe.SliceData(scratchOf[T](r.m, member, 0, n))
		fill(unsafe.Slice(dst, n), r.init)
		for row := 0; row < t.N; {
			copy(unsafe.Slice(sums, n), unsafe.Slice(offset(src, row*t.Inner), n))
			row++
			for end := min(row-1+rowBlock, t.N); row < end; row++ {
				r.combine(n, sums, sums, offset(src, row*t.Inner), sums)
			}
			r.combine(n, dst, dst, sums, dst)
		}
	}
}

// fill sets all elements: the first few one by one, then twice as many each time, which are copied by whole vectors.
func fill[T any](s []T, x T) {
	const few = 16
	for i := range min(few, len(s)) {
		s[i] = x
	}
	for n := few; n < len(s); n *= 2 {
		copy(s[n:], s[:n])
	}
}

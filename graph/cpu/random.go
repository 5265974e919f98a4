package cpu

import (
	"unsafe"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// random is a tape.Random.
type random[T kernel.Float] struct {
	tape      *tape.Random
	keys, out place
	key       []int32
	dst       *T
	parts     int
	part      func(member, part int)
}

func (l *loader[T]) random(r *tape.Random) []step {
	if r.N*r.Width == 0 {
		return nil
	}
	s := &random[T]{tape: r, keys: newPlace(l.tape, r.Keys), out: newPlace(l.tape, r.Out)}
	s.parts = l.parts(4*float64(r.N*r.Width), r.N)
	s.part = s.draw
	return []step{s}
}

func (r *random[T]) run(m *machine) error {
	r.key, r.dst = elements[int32](m, &r.keys, 4*r.tape.N), (*T)(r.out.in(m))
	m.team.do(r.parts, r.part)
	return nil
}

func (r *random[T]) draw(_, part int) {
	from, to := share(r.tape.N, r.parts, part)
	for i := from; i < to; i++ {
		k := r.key[4*i:][:4]
		row := unsafe.Slice(offset(r.dst, i*r.tape.Width), r.tape.Width)
		for block := 0; len(row) > 0; block++ {
			words := tape.Philox(
				[4]uint32{uint32(block), r.tape.Stream, uint32(k[2]), uint32(k[3])},
				[2]uint32{uint32(k[0]), uint32(k[1])})
			for j := range min(4, len(row)) {
				row[j] = T(tape.Uniform(words[j]))
			}
			row = row[min(4, len(row)):]
		}
	}
}

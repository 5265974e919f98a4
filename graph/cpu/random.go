package cpu

import (
	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// random is a tape.Random.
type random[T kernel.Float] struct {
	kernels   *kernel.Set[T]
	tape      *tape.Random
	keys, out place
	key       []int32
	dst       *T
	pieces    int // of a row
	parts     int
	part      func(member, part int)
}

// drawPiece is how many numbers of a row are drawn at a stretch: a multiple of the 4 of a block.
const drawPiece = 4096

func (l *loader[T]) random(r *tape.Random) []step {
	if r.N*r.Width == 0 {
		return nil
	}
	s := &random[T]{kernels: l.kernels, tape: r, keys: newPlace(l.tape, r.Keys), out: newPlace(l.tape, r.Out)}
	s.pieces = (r.Width + drawPiece - 1) / drawPiece
	s.parts = l.parts(float64(r.N*r.Width), r.N*s.pieces)
	s.part = s.draw
	return []step{s}
}

func (r *random[T]) run(m *machine) error {
	r.key, r.dst = elements[int32](m, &r.keys, 4*r.tape.N), (*T)(r.out.in(m))
	m.team.do(r.parts, r.part)
	return nil
}

func (r *random[T]) draw(_, part int) {
	from, to := share(r.tape.N*r.pieces, r.parts, part)
	for i := from; i < to; i++ {
		row, first := i/r.pieces, i%r.pieces*drawPiece
		r.kernels.Draw(min(drawPiece, r.tape.Width-first), offset(r.dst, row*r.tape.Width+first), uint32(first/4),
			r.tape.Stream, (*[4]int32)(r.key[4*row:]))
	}
}

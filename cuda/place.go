package cuda

import (
	"math/bits"

	"github.com/unroll-ml/unroll/cuda/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// A place is a number that a kernel is given: a count, or an address. It may move with the steps of the
// enclosing loops.
type place struct {
	at    uint64 // from the start of its space
	space space
	step  []uint64 // per step of each enclosing loop; negative ones modulo 2⁶⁴
}

// A space is a part of a program's device memory.
type space uint8

const (
	none    space = iota // a number, or an address that is known
	faults               // words that hold the bad indices that were found
	own                  // what must survive other programs' runs: tables, and in a family the slots
	arena                // the tape's arena, and behind it what is kept during a run
	scratch              // what one instruction needs for itself
	second               // the same in the second lane
	spaces
)

func number(n int) place { return place{at: uint64(n)} }

// in is the value of p at the loops' present steps, in memory whose spaces begin at base.
func (p *place) in(base *[spaces]uint64, steps []int) uint64 {
	at := base[p.space] + p.at
	for i, s := range p.step {
		at += s * uint64(steps[i])
	}
	return at
}

// plus is n bytes further on.
func (p place) plus(n int) place {
	p.at += uint64(n)
	return p
}

func (l *lowering) place(r tape.Ref) place {
	size := l.tape.Buffers[r.Buf].Dtype.Size()
	p := l.home(r.Buf).plus(r.Off * size)
	for _, s := range r.Step {
		p.step = append(p.step, uint64(s*size))
	}
	return p
}

// home is where a buffer begins.
func (l *lowering) home(id tape.BufferID) place {
	if p, ok := l.homes[id]; ok {
		return p
	}
	return place{at: uint64(l.tape.Buffers[id].Offset - l.first), space: arena}
}

// alignment is what all addresses of device memory are multiples of.
const alignment = 256

// align is the largest power of two that divides the address wherever it moves, at most alignment.
func (p place) align() int {
	all := uint64(alignment) | p.at
	for _, s := range p.step {
		all |= s
	}
	return 1 << bits.TrailingZeros64(all)
}

func elem(d tape.Dtype) kernel.Elem {
	return map[tape.Dtype]kernel.Elem{tape.Float32: kernel.F32, tape.Float64: kernel.F64, tape.Int32: kernel.I32}[d]
}

// raw is the type of elements whose bits are moved.
func raw(d tape.Dtype) kernel.Elem {
	if d.Size() == 8 {
		return kernel.B64
	}
	return kernel.B32
}

// volume is the number of elements of a shape.
func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// An extent is a range of the arena, in bytes.
type extent struct{ from, to int64 }

func extentOf(t *tape.Tape, id tape.BufferID) extent {
	b := t.Buffers[id]
	return extent{b.Offset, b.Offset + int64(b.Len*b.Dtype.Size())}
}

func (e extent) overlaps(f extent) bool { return e.from < f.to && f.from < e.to }

package cuda

import (
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// withoutNeed is a tape whose Products compute all rows: for a GPU most rows cost nothing, and whatever reads a tape need
// not look at Need.
func withoutNeed(t *tape.Tape) *tape.Tape {
	var all func(code []tape.Instr) []tape.Instr
	all = func(code []tape.Instr) []tape.Instr {
		return mapped(code, func(in tape.Instr) tape.Instr {
			switch in := in.(type) {
			case *tape.Loop:
				return &tape.Loop{Trip: in.Trip, Body: all(in.Body)}
			case *tape.Product:
				if in.Need != nil {
					p := *in
					p.Need = nil
					return &p
				}
			}
			return in
		})
	}
	whole := *t
	whole.Code = all(t.Code)
	return &whole
}

func (l *lowering) product(p *tape.Product) []work {
	switch {
	case p.Batch == 0 || p.M == 0 || p.N == 0 || p.K == 0 && p.Acc:
		return nil
	case p.K == 0:
		return l.mapping(&tape.Map{
			Shape: []int{p.Batch, p.M, p.N}, Code: []tape.Op{{Fn: tape.Const}}, Result: []int{0},
			Out: []tape.Operand{{Ref: p.C, Strides: []int{p.StrideC, p.LdC, 1}}},
		})
	case !l.fits(p, p.Batch, p.M, p.N, p.K, p.LdA, p.LdB, p.LdC):
		return nil
	}
	l.multiplies = true
	w := &product{
		matrices: driver.Matrices{
			Precision: l.precision, TransA: p.TransA, TransB: p.TransB, Batch: p.Batch, M: p.M, N: p.N, K: p.K,
			LdA: p.LdA, LdB: p.LdB, LdC: p.LdC, StrideA: p.StrideA, StrideB: p.StrideB, StrideC: p.StrideC,
		},
		a: l.place(p.A), b: l.place(p.B), c: l.place(p.C),
	}
	if p.Acc {
		w.matrices.Beta = 1
	}
	if l.precision != driver.BFloat16 {
		return []work{w}
	}
	var ws []work
	borrowed := 0
	pack := func(r tape.Ref, trans bool, rows, cols int, at *place, ld, stride *int) {
		if trans {
			rows, cols = cols, rows
		}
		m := matrices{rows, cols, *ld, p.Batch, *stride}
		if *stride == 0 {
			m.batch = 1
		}
		to, before := l.pack(p, r, m, &borrowed)
		ws = append(ws, before...)
		*at, *ld = to, m.packedLd()
		if *stride != 0 {
			*stride = m.rows * m.packedLd()
		}
	}
	pack(p.A, p.TransA, p.M, p.K, &w.a, &w.matrices.LdA, &w.matrices.StrideA)
	pack(p.B, p.TransB, p.K, p.N, &w.b, &w.matrices.LdB, &w.matrices.StrideB)
	return append(ws, w)
}

// matrices are the operand of a product, as it lies in memory.
type matrices struct {
	rows, cols, ld int
	batch, stride  int
}

// packedLd is the distance of rows as bfloat16: rows begin at multiples of 16 bytes, as tensor cores like it.
func (m matrices) packedLd() int { return (m.cols + 7) / 8 * 8 }

// packKey tells operands apart. Two products that agree in it, in the same frame, share the packed operand.
type packKey struct {
	frame *frame
	buf   tape.BufferID
	off   int
	step  string
	matrices
	fragments, transposed bool // laid out for a step
}

func (l *lowering) packKey(r tape.Ref, m matrices) packKey {
	return packKey{frame: l.still(r), buf: r.Buf, off: r.Off, step: tape.Ref{Step: r.Step}.String(), matrices: m}
}

// pack converts an operand to bfloat16. If its memory stays the same during a loop that is done once, before
// the loop, otherwise by the work that is returned, into scratch memory of which some was borrowed before.
func (l *lowering) pack(p *tape.Product, r tape.Ref, m matrices, borrowed *int) (to place, ws []work) {
	key := l.packKey(r, m)
	f := key.frame
	bytes := m.batch * m.rows * m.packedLd() * kernel.BF16.Size()
	if to, ok := l.packs[key]; ok && f != nil {
		l.reads(f, to, bytes)
		return to, nil
	}
	if f != nil {
		to = l.keep(bytes)
		l.packs[key] = to
	} else {
		to = l.borrow(*borrowed, bytes)
		*borrowed += int(roundUp(int64(bytes)))
	}
	from := l.place(r)
	k := kernel.NewMap(kernel.Map{
		Compute: kernel.F32, Shape: []int{m.batch, m.rows, m.cols}, Result: []int{0},
		In:  []kernel.Operand{{Elem: kernel.F32, Strides: []int{m.stride, m.ld, 1}, Align: from.align()}},
		Out: []kernel.Operand{{Elem: kernel.BF16, Strides: []int{m.rows * m.packedLd(), m.packedLd(), 1}, Align: alignment}},
	})
	w := l.launch(p, k.Launch, from, to, number(k.Items))
	if f != nil {
		l.before(f, w, r, to, bytes)
		return to, nil
	}
	return to, []work{w}
}

// before puts work that lays an operand out anew at the beginning of the frame in which the operand stays the
// same. That of the tape itself is a piece of its own, in whatever lane.
func (l *lowering) before(f *frame, w work, from tape.Ref, to place, bytes int) {
	if f != l.frames[0] {
		f.before = append(f.before, w)
		return
	}
	l.reads(f, to, bytes)
	l.ahead = append(l.ahead, &piece{
		work: []work{w}, cost: duration([]work{w}),
		accesses: []access{{extent: extentOf(l.tape, from.Buf)}, {extent: l.kept(to, bytes), write: true}},
	})
}

// reads takes note that the present instruction of the tape reads what was kept, if that is the tape's.
func (l *lowering) reads(f *frame, from place, bytes int) {
	if f == l.frames[0] {
		l.keeps[l.path[0]] = append(l.keeps[l.path[0]], access{extent: l.kept(from, bytes)})
	}
}

// kept is the extent of what keep has given: behind the tape's own.
func (l *lowering) kept(p place, bytes int) extent {
	at := int64(p.at) + l.first
	return extent{at, at + int64(bytes)}
}

package kernel

import (
	"github.com/unroll-ml/unroll/cuda/internal/ptx"
)

// Fault is where kernels report an index outside of the rows that it selects from. A kernel that checks indices
// has the parameters
//
//	the address of a word of 8 bytes, the number of indices that were checked before
//
// and makes the word the smallest of itself and position·2³² + index, so that of all bad indices the first
// remains. What a bad index would select is neither read nor written.
type fault struct {
	word   ptx.Value
	before ptx.Value // U64
}

// NoFault is the word while all indices were good.
const NoFault = 1<<64 - 1

// FaultAt takes a word apart that is not NoFault.
func FaultAt(word uint64) (position int, index int32) { return int(word >> 32), int32(uint32(word)) }

func newFault(b *ptx.Builder) fault {
	return fault{b.Pointer("fault"), b.Param("before", ptx.U64)}
}

// report says that the index at a position, a U64, is bad.
func (f fault) report(b *ptx.Builder, position, index ptx.Value) {
	at := b.Shl(b.Add(f.before, position), ptx.Int(32))
	b.AtomicMin(f.word, 0, b.Or(at, b.Convert(ptx.U64, b.Bits(ptx.U32, index))))
}

// target reads the row's target and reports it if it is bad and the row counts. It says whether the row is to
// be computed.
func (r *row) target(targets ptx.Value, f fault, counts *ptx.Value) (target, good ptx.Value) {
	target = r.Load(ptx.U32, r.At(targets, r.number, 4), 0)
	good = r.Lt(target, r.cols) // a negative one is large without its sign
	bad := r.And(r.Not(good), r.Eq(r.tid, ptx.Int(0)))
	if counts != nil {
		bad = r.And(bad, *counts)
		good = r.And(good, *counts)
	}
	r.If(bad, func() { f.report(r.Builder, r.number, target) })
	return target, good
}

// masked reads the row's mask, and whether it is not 0.
func (r *row) masked(mask ptx.Value) (m ptx.Value, counts *ptx.Value) {
	if !r.mask {
		return ptx.Value{}, nil
	}
	m = r.each(mask)
	c := r.Ne(m, ptx.Num(0))
	return m, &c
}

func (s rowsSpec) crossEntropy(b *ptx.Builder) {
	x, targets := b.Pointer("x"), b.Pointer("target")
	var mask ptx.Value
	if s.mask {
		mask = b.Pointer("mask")
	}
	out := b.Pointer("out")
	r := s.row(b)
	f := newFault(b)
	t := s.float.register()
	x = r.of(x)
	m, counts := r.masked(mask)
	target, good := r.target(targets, f, counts)
	loss := b.Var(zero(t))
	b.If(good, func() {
		largest, log := r.logSum(x)
		below := func(j ptx.Value) ptx.Value { return b.Sub(largest, r.load(x, j)) } // largest - x_j
		l := b.Mul(b.Add(log, below(target)), ptx.Num(1-s.smoothing))
		if s.smoothing != 0 { // a column of probability 0 costs nothing where it has no weight
			others := r.sum(func(j ptx.Value) ptx.Value { return b.Add(log, below(j)) })
			l = b.Add(l, b.Mul(others, ptx.Num(s.uniform)))
		}
		if s.mask {
			l = b.Mul(l, m)
		}
		b.Set(loss, l)
	})
	b.If(b.Eq(r.tid, ptx.Int(0)), func() { b.Store(b.At(out, r.number, s.float.Size()), 0, loss) })
}

func (s rowsSpec) crossEntropyGrad(b *ptx.Builder) {
	x, targets, g := b.Pointer("x"), b.Pointer("target"), b.Pointer("g")
	var mask ptx.Value
	if s.mask {
		mask = b.Pointer("mask")
	}
	out := b.Pointer("out")
	r := s.row(b)
	f := newFault(b)
	t := s.float.register()
	x, out = r.of(x), r.of(out)
	m, counts := r.masked(mask)
	target, good := r.target(targets, f, counts)
	b.IfElse(good, func() {
		scale := r.each(g)
		if s.mask {
			scale = b.Mul(scale, m)
		}
		largest := r.largest(func(j ptx.Value) ptx.Value { return r.load(x, j) })
		exp := func(j ptx.Value) ptx.Value { return r.exp(b.Sub(r.load(x, j), largest)) }
		sum := r.sum(exp)
		r.columns(func(j ptx.Value) {
			y := b.Div(exp(j), sum)
			y = b.Sub(y, b.Select(b.Eq(j, target), t.Num(1-s.smoothing), t.Num(0)))
			if s.smoothing != 0 {
				y = b.Sub(y, ptx.Num(s.uniform))
			}
			b.Store(r.at(out, j), 0, b.Mul(y, scale))
		})
	}, func() {
		r.columns(func(j ptx.Value) { b.Store(r.at(out, j), 0, zero(t)) })
	})
}

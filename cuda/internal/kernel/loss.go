package kernel

import (
	"github.com/unroll-ml/unroll/cuda/internal/ptx"
)

// fault is where kernels report an index outside of the rows that it selects from. A kernel that checks indices
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

func newFault(b *ptx.Builder, prefix string) fault {
	return fault{b.Pointer(prefix + "fault"), b.Param(prefix+"before", ptx.U64)}
}

// report says that the index at a position, a U64, is bad.
func (f fault) report(b *ptx.Builder, position, index ptx.Value) {
	at := b.Shl(b.Add(f.before, position), ptx.Int(32))
	b.AtomicMin(f.word, 0, b.Or(at, b.Convert(ptx.U64, b.Bits(ptx.U32, index))))
}

// target reads the row's target and reports it if it is bad and the row counts. It says whether the row is to
// be computed.
func (r *row) target(at ptx.Value, counts *ptx.Value) (target, good ptx.Value) {
	target = r.Load(ptx.U32, at, 0)
	good = r.Lt(target, r.cols) // a negative one is large without its sign
	bad := r.And(r.Not(good), r.Eq(r.tid, ptx.Int(0)))
	if counts != nil {
		bad = r.And(bad, *counts)
		good = r.And(good, *counts)
	}
	r.If(bad, func() { r.fault.report(r.Builder, r.number, target) })
	return target, good
}

// masked reads the row's mask, and whether it is not 0.
func (r *row) masked(at ptx.Value) (m ptx.Value, counts *ptx.Value) {
	if !r.mask {
		return ptx.Value{}, nil
	}
	m = r.Load(r.float.register(), at, 0)
	c := r.Ne(m, ptx.Num(0))
	return m, &c
}

// crossEntropy is the loss of a row: in are its target and its mask.
func (r *row) crossEntropy(x line, in []ptx.Value, out ptx.Value) {
	b, t := r.Builder, r.float.register()
	m, counts := r.masked(in[len(in)-1])
	target, good := r.target(in[0], counts)
	loss := b.Var(zero(t))
	b.If(good, func() {
		largest, log := r.logSum(x)
		below := func(j ptx.Value) ptx.Value { return b.Sub(largest, x(j)) } // largest - x_j
		l := b.Mul(b.Add(log, below(target)), ptx.Num(1-r.smoothing))
		if r.smoothing != 0 { // a column of probability 0 costs nothing where it has no weight
			others := r.sum(func(j ptx.Value) ptx.Value { return b.Add(log, below(j)) })
			l = b.Add(l, b.Mul(others, ptx.Num(r.uniform)))
		}
		if r.mask {
			l = b.Mul(l, m)
		}
		b.Set(loss, l)
	})
	b.If(b.Eq(r.tid, ptx.Int(0)), func() { b.Store(out, 0, loss) })
}

// crossEntropyGrad is the derivative: in are the row's target, the derivative of its loss, and its mask.
func (r *row) crossEntropyGrad(x line, in []ptx.Value, out ptx.Value) {
	b, t := r.Builder, r.float.register()
	m, counts := r.masked(in[len(in)-1])
	target, good := r.target(in[0], counts)
	b.IfElse(good, func() {
		scale := r.Load(t, in[1], 0)
		if r.mask {
			scale = b.Mul(scale, m)
		}
		largest := r.largest(x)
		exp := func(j ptx.Value) ptx.Value { return r.exp(b.Sub(x(j), largest)) }
		sum := r.sum(exp)
		r.columns(func(j ptx.Value) {
			y := b.Div(exp(j), sum)
			y = b.Sub(y, b.Select(b.Eq(j, target), t.Num(1-r.smoothing), t.Num(0)))
			if r.smoothing != 0 {
				y = b.Sub(y, ptx.Num(r.uniform))
			}
			b.Store(r.at(out, j), 0, b.Mul(y, scale))
		})
	}, func() {
		r.columns(func(j ptx.Value) { b.Store(r.at(out, j), 0, zero(t)) })
	})
}

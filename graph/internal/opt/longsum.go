package opt

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// A long sum is one over all steps of a loop, with many rows a step: the gradient of a weight, mostly. It is taken in
// chunks of steps, in the order of the loop's steps:
//
//	xᵀ·z    =    ((0 + x_nᵀ·z_n) + ... + x_2ᵀ·z_2) + x_1ᵀ·z_1
//
// Which chunks depends on the shapes alone. So a program that computes all steps and then the sum, and one that has
// the rows of some steps only at a time (see recompute), add the same numbers in the same order.
type longSum struct {
	strip *strip
	rev   bool // its rows lie in memory against the order of the steps
	chunk int  // in steps
}

// limits say what is worth it.
type limits struct {
	longRows  int // sums over fewer rows are taken at once
	chunkRows int // a chunk has at least so many rows
	wideStep  int // sums of fewer elements a step are taken at once: to keep these for all steps costs little

	// A loop of fewer rows, of all steps together, is not cut. Devices have products of their own for so few.
	fewRows int
}

var usual = limits{longRows: 8192, chunkRows: 1024, wideStep: 256, fewRows: 9}

// longSum says how v is taken in chunks; nil if it is not a long sum.
func (s *segmenter) longSum(v *ir.Value) *longSum {
	rows := rowsSummed(v)
	if s.depth[v] == 0 || rows < s.longRows {
		return nil
	}
	o, all := s.strips[s.depth[v]-1], 0
	for _, a := range v.Args {
		all += a.Shape.Size()
	}
	if all < s.wideStep*o.op.Trip {
		return nil
	}
	sum := &longSum{strip: o, chunk: 1}
	for sum.chunk*rows < s.chunkRows*o.op.Trip {
		sum.chunk *= 2
	}
	if op, ok := v.Op.(ir.ScatterAdd); ok && op.Rows*o.op.Trip > sum.chunk*rows {
		return nil // each chunk would write more than it reads
	}
	for _, sum.rev = range []bool{false, true} {
		reached := func(a *ir.Value) bool { return stretches(a, o.op.Trip) && s.reached(a, o, sum.rev) }
		if !slices.ContainsFunc(v.Args, func(a *ir.Value) bool { return !reached(a) }) {
			return sum
		}
	}
	return nil
}

// rowsSummed is how many rows v is a sum over, the first dimension of its arguments among them; 0 if it is no such sum.
func rowsSummed(v *ir.Value) int {
	switch op := v.Op.(type) {
	case ir.Product:
		if len(v.Shape) == 2 && op == (ir.Product{TransA: true}) {
			return v.Args[0].Shape[0]
		}
	case ir.Reduce:
		if op.Fn == tape.Sum && len(op.Axes) > 0 && op.Axes[0] == 0 && v.Shape.Size() > 0 {
			return v.Args[0].Shape.Size() / v.Shape.Size()
		}
	case ir.ScatterAdd:
		return v.Args[0].Shape.Size()
	}
	return 0
}

// add adds the long sum v over so many steps to acc. args have the rows of these steps.
func (sum *longSum) add(b *ir.Builder, v, acc *ir.Value, args []*ir.Value, steps int) *ir.Value {
	n, rest := steps/sum.chunk, steps%sum.chunk
	back := sum.strip.op.Back
	pieces := func(main bool) (ps []*ir.Value) {
		for _, a := range args {
			ps = append(ps, piece(b, a, steps, rest, back != sum.rev, main))
		}
		return ps
	}
	term := func(acc *ir.Value, args []*ir.Value) *ir.Value { return b.Add(acc, b.New(v.Op, args...)) }
	if rest > 0 && back {
		acc = term(acc, pieces(false))
	}
	switch {
	case n == 1:
		acc = term(acc, pieces(true))
	case n > 1:
		y := newLoopBody(n)
		chunk := pieces(true)
		for i, a := range chunk {
			chunk[i] = y.seq(inSegments(b, a, n), sum.rev)
		}
		acc = y.loop(b, "sum", []*ir.Value{acc}, func(carries []*ir.Value) (next []*ir.Value, stacks []stacked) {
			return []*ir.Value{term(carries[0], chunk)}, nil
		})[0]
	}
	if rest > 0 && !back {
		acc = term(acc, pieces(false))
	}
	return acc
}

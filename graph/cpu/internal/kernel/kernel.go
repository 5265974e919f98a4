// Package kernel is the arithmetic of the CPU device: small loops over contiguous memory, on one thread.
//
// A Set holds the kernels of one instruction path for one element type. The portable ones are the documentation
// of the others. Every kernel gives an element the same value wherever it stands in a vector, and writes
// nothing but the elements it is asked for. Package kernel knows the scalar functions of the tape; it does not
// know its instructions, arenas or threads.
package kernel

import (
	"math"
	"unsafe"

	"github.com/unroll-ml/unroll/graph/tape"
)

// Float is an element type that arithmetic is done in.
type Float interface{ float32 | float64 }

// Set is the kernels of one instruction path.
type Set[T Float] struct {
	Path string

	// Tile is the heart of a product: with A m×k and B k×n,
	//
	//	C[i,j] = Σ_p A[i,p]·B[p,j], added to what C[i,j] holds if acc,  0 <= i < m <= MR,  0 <= j < n <= NR
	//
	// A[i,p] is a[i*aRow+p*aK], B[p,j] is b[p*bK+j], C[i,j] is c[i*cRow+j]. The sum runs in the order of p,
	// from zero. Rows of B are read up to NR, whatever n is. In a set of packed operands alone (see Pairs), A and B are
	// packed, k is their depth, and the sum runs from what C[i,j] holds.
	Tile   func(m, n, k int, a *T, aRow, aK int, b *T, bK int, c *T, cRow int, acc bool)
	MR, NR int

	// Row is Tile for one row of A that is contiguous, or packed, and for RowPanels panels of B, NR columns each, of
	// which one begins panel elements after the other: C is as many columns wide. It gives the same bits.
	Row       func(k int, a, b *T, panel int, c *T, acc bool)
	RowPanels int

	// Pack lays a matrix out as Tile reads it best: dst[p*width+i] = src[p*srcK+i*srcI] for p < k and i < n, and 0 for
	// n <= i < width. One of srcK and srcI is 1. Where Pairs says so, terms are rounded and lie in another order.
	Pack func(dst *T, width, n, k int, src *T, srcI, srcK int)

	// Pairs is how many elements hold a pair of terms that Pack has rounded to bfloat16, for products of such numbers:
	// 2, the second term before the first, or 1, which then has both. Products round only terms that they pack. It is 0
	// in a set of products that round nothing, whose Tile reads operands where they lie, too.
	Pairs int

	// ByRow, if it is not nil, is the kernels for products of one row, which is packed by this set, by a matrix, which is
	// packed by that one, in half the memory: what limits such a product is reading the matrix.
	ByRow *Set[T]

	// Transpose is dst[p*dstP+i] = src[i*srcI+p] for i < n and p < k.
	Transpose func(n, k int, dst *T, dstP int, src *T, srcI int)

	// Draw writes the n numbers of tape.Random from word 4*block on.
	Draw func(n int, dst *T, block, stream uint32, key *[4]int32)

	// Apply[f] is dst[i] = f(x[i], y[i], z[i]) for i < n, with as many operands as f has; dst may be an
	// operand. There is none for Const and Iota.
	Apply [NumFn]func(n int, dst, x, y, z *T)

	Affine func(n int, dst, x *T, scale, shift T) // dst[i] = x[i]*scale + shift; dst may be x
	ExpSum func(n int, dst, x *T, shift T) T      // dst[i] = exp(x[i]-shift), and the sum of all; dst may be x
	Sum    func(n int, x *T) T                    // Σ x[i]
	Dot    func(n int, x, y *T) T                 // Σ x[i]*y[i]
	Max    func(n int, x *T) T                    // the largest, -Inf for none, NaN if any is NaN
	Cost   [NumFn]float32                         // rough nanoseconds an element of Apply
	Flops  float32                                // rough floating-point operations a nanosecond of Tile
}

// Depth is how many elements hold k terms of a sum when they are packed: a last term without another is half a pair.
func (s *Set[T]) Depth(k int) int {
	if s.Pairs == 0 {
		return k
	}
	return (k + 1) / 2 * s.Pairs
}

// NumFn is the number of scalar functions.
const NumFn = int(tape.Where) + 1

func vec[T any](p *T, n int) []T { return unsafe.Slice(p, n) }

func at(p *float32, i int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*i)) }

func inf[T Float](sign int) T { return T(math.Inf(sign)) }

// clearColumns clears the elements of rows of a width from a column on.
func clearColumns(dst *float32, width, from, rows int) {
	if from >= width {
		return
	}
	for p := range rows {
		clear(vec(at(dst, p*width+from), width-from))
	}
}

// vectorise puts vector functions into the set. cost is that of the cheapest, in nanoseconds an element.
func (s *Set[T]) vectorise(cost float32, fs map[tape.Fn]func(n int, dst, x, y, z *T)) {
	for f, apply := range fs {
		s.Apply[f] = apply
		switch s.Cost[f] = cost; f {
		case tape.Exp, tape.Log, tape.Log1p, tape.Expm1, tape.Tanh, tape.Sigmoid, tape.Div, tape.Sqrt:
			s.Cost[f] = 5 * cost
		}
	}
	s.Cost[tape.Id] = cost
}

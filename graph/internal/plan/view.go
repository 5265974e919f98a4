package plan

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// view is where the elements of a value lie: element i, j, ... of the value is element off + i*strides[0] +
// j*strides[1] + ... of the buffer, moved by step[d] for each step of the loop at depth d. A stride of 0
// repeats.
type view struct {
	buf     *buffer
	off     int
	step    []int
	strides []int
}

// dense is the row-major view of a whole buffer.
func dense(b *buffer, s ir.Shape) view { return view{buf: b, strides: rowMajor(s)} }

func rowMajor(s ir.Shape) []int {
	strides, n := make([]int, len(s)), 1
	for i := len(s) - 1; i >= 0; i-- {
		strides[i] = n
		n *= s[i]
	}
	return strides
}

func (v view) ref() tape.Ref { return tape.Ref{Buf: v.buf.id, Off: v.off, Step: v.step} }
func (v view) operand() tape.Operand {
	return tape.Operand{Ref: v.ref(), Strides: v.strides}
}

// same reports whether v and w are the same elements in the same order, as views of shape s.
func (v view) same(w view, s ir.Shape) bool {
	if v.buf != w.buf || v.off != w.off || !slices.Equal(trim(v.step), trim(w.step)) {
		return false
	}
	for i, d := range s {
		if d > 1 && v.strides[i] != w.strides[i] {
			return false
		}
	}
	return true
}

func trim(step []int) []int {
	for len(step) > 0 && step[len(step)-1] == 0 {
		step = step[:len(step)-1]
	}
	return step
}

// isDense reports whether the elements of a value of shape s lie one after the other.
func (v view) isDense(s ir.Shape) bool {
	n := 1
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] != 1 && v.strides[i] != n {
			return false
		}
		n *= s[i]
	}
	return true
}

// repeats reports whether two elements of a value of shape s may share a place.
func (v view) repeats(s ir.Shape) bool {
	for i, d := range s {
		if d > 1 && v.strides[i] == 0 {
			return true
		}
	}
	return false
}

// slice is from: along an axis; the length is the value's.
func (v view) slice(axis, from int) view {
	v.off += from * v.strides[axis]
	return v
}

// broadcast is v, of shape from, repeated to shape to.
func (v view) broadcast(from, to ir.Shape) view {
	strides := make([]int, len(to))
	lead := len(to) - len(from)
	for i, d := range from {
		if d == to[lead+i] {
			strides[lead+i] = v.strides[i]
		}
	}
	v.strides = strides
	return v
}

func (v view) transpose(perm []int) view {
	strides := make([]int, len(perm))
	for i, p := range perm {
		strides[i] = v.strides[p]
	}
	v.strides = strides
	return v
}

// reshape is v, of shape from, read in row-major order with shape to, if strides can say that.
func (v view) reshape(from, to ir.Shape) (view, bool) {
	strides := make([]int, len(to))
	// Walk both shapes from the right in groups of equal size; within a group the old dimensions must be one run.
	i, j := len(from)-1, len(to)-1
	for i >= 0 || j >= 0 {
		if i >= 0 && from[i] == 1 {
			i--
			continue
		}
		if j >= 0 && to[j] == 1 {
			j--
			continue
		}
		if i < 0 || j < 0 || from[i] == 0 {
			break // only a shape without elements gets here
		}
		stride := v.strides[i]
		n, m := from[i], to[j]
		strides[j] = stride
		for n != m {
			if n < m {
				i--
				for i >= 0 && from[i] == 1 {
					i--
				}
				if i < 0 || v.strides[i] != n*stride {
					return view{}, false
				}
				n *= from[i]
				continue
			}
			j--
			if j < 0 {
				return view{}, false
			}
			strides[j] = m * stride
			m *= to[j]
		}
		i--
		j--
	}
	v.strides = strides
	return v, true
}

// row is what a step of the loop at the given depth sees of v, of shape Trip×...: element i at step i, or
// Trip-1-i if reversed.
func (v view) row(trip, depth int, reversed bool) view {
	step := make([]int, depth+1)
	copy(step, v.step)
	step[depth] = v.strides[0]
	if reversed {
		v.off += (trip - 1) * v.strides[0]
		step[depth] = -v.strides[0]
	}
	v.step = step
	v.strides = v.strides[1:]
	return v
}

// matrix is v, whose last two dimensions are rows×cols, as an operand of a Product: transposed or not, with its
// leading dimension.
func (v view) matrix(rows, cols int) (trans bool, ld int, ok bool) {
	r := len(v.strides)
	sr, sc := v.strides[r-2], v.strides[r-1]
	if cols == 1 {
		sc = 1
	}
	if rows == 1 {
		if sc != 1 { // a row whose elements lie apart is a transposed column
			return true, sc, sc > 0
		}
		return false, cols, true
	}
	switch {
	case sc == 1 && sr >= cols:
		return false, sr, true
	case sr == 1 && sc >= rows:
		return true, sc, true
	}
	return false, 0, false
}

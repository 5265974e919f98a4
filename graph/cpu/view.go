package cpu

import (
	"unsafe"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// A view is an operand of a mapping in its collapsed index space.
type view struct {
	place
	base    unsafe.Pointer // where place is now
	dtype   tape.Dtype
	outer   []int // strides
	inner   int   // stride
	kind    viewKind
	virtual int // the tape's register that it is loaded to
	reg     int // the vector register, or -1 if it is read where it lies
	isIota  bool
}

type viewKind uint8

const (
	direct   viewKind = iota // contiguous in every chunk and of the type of the arithmetic: used where it lies
	gathered                 // brought to or from a vector register chunk by chunk
	uniform                  // the same element everywhere
)

// setKind decides how the view meets chunks of a space of the given dimensions: pieces of a row, or several
// rows together.
func (v *view) setKind(float tape.Dtype, outer []int, inner int, together bool) {
	dense, same := v.inner == 1 && v.dtype == float && !v.isIota, v.inner == 0
	next := inner
	for axis := len(outer) - 1; axis >= 0; axis-- {
		if together {
			dense = dense && v.outer[axis] == next
			next *= outer[axis]
		}
		same = same && v.outer[axis] == 0
	}
	switch {
	case dense:
		v.kind = direct
	case same:
		v.kind = uniform
	default:
		v.kind = gathered
	}
}

func (v *view) locate(m *machine) {
	if !v.isIota {
		v.base = v.place.in(m)
	}
}

// address is that of element j of a row.
func (v *view) address(outer []int, row, j int) unsafe.Pointer {
	return unsafe.Add(v.base, (at(outer, v.outer, row)+j*v.inner)*v.dtype.Size())
}

// loadUniform fills dst with the one element of a uniform view.
func loadUniform[T kernel.Float](v *view, dst []T) {
	var x T
	switch {
	case v.isIota:
	case v.dtype == tape.Int32:
		x = T(*(*int32)(v.base))
	default:
		x = *(*T)(v.base)
	}
	fill(dst, x)
}

// loadView brings elements [j, j+n) of some rows to dst.
func loadView[T kernel.Float](v *view, dst []T, outer []int, row, rows, j, n int) {
	v.walk(outer, row, rows, func(first, next, count int) {
		switch {
		case v.isIota:
			for range count {
				for i := range n {
					dst[i] = T(first + (j+i)*v.inner)
				}
				dst, first = dst[n:], first+next
			}
		case v.dtype == tape.Int32:
			dst = gather(dst, (*int32)(v.base), first+j*v.inner, next, count, n, v.inner)
		case v.inner == 1:
			for i := range count {
				copy(dst[:n], unsafe.Slice(offset((*T)(v.base), first+j+i*next), n))
				dst = dst[n:]
			}
		default:
			dst = gather(dst, (*T)(v.base), first+j*v.inner, next, count, n, v.inner)
		}
	})
}

// storeView brings src to elements [j, j+n) of some rows.
func storeView[T kernel.Float](v *view, src []T, outer []int, row, rows, j, n int) {
	v.walk(outer, row, rows, func(first, next, count int) {
		switch {
		case v.dtype == tape.Int32:
			src = scatter(src, (*int32)(v.base), first+j*v.inner, next, count, n, v.inner)
		case v.inner == 1:
			for i := range count {
				copy(unsafe.Slice(offset((*T)(v.base), first+j+i*next), n), src)
				src = src[n:]
			}
		default:
			src = scatter(src, (*T)(v.base), first+j*v.inner, next, count, n, v.inner)
		}
	})
}

// walk calls f for each run of rows that lie equally far apart: count rows from offset first on, next apart.
func (v *view) walk(outer []int, row, rows int, f func(first, next, count int)) {
	last := len(outer) - 1
	if last < 0 {
		f(0, 0, 1)
		return
	}
	for end := row + rows; row < end; {
		count := min(outer[last]-row%outer[last], end-row)
		f(at(outer, v.outer, row), v.outer[last], count)
		row += count
	}
}

// gather converts count rows of n elements to dst and returns what is left of dst.
func gather[T, S float32 | float64 | int32](dst []T, src *S, first, next, count, n, stride int) []T {
	for range count {
		row := dst[:n]
		switch stride {
		case 0:
			fill(row, T(*offset(src, first)))
		default:
			at := first
			for i := range row {
				row[i] = T(*offset(src, at))
				at += stride
			}
		}
		dst, first = dst[n:], first+next
	}
	return dst
}

// scatter is the way back.
func scatter[S, T float32 | float64 | int32](src []S, dst *T, first, next, count, n, stride int) []S {
	for range count {
		at := first
		for _, x := range src[:n] {
			*offset(dst, at) = T(x)
			at += stride
		}
		src, first = src[n:], first+next
	}
	return src
}

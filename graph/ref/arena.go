package ref

import (
	"unsafe"

	"github.com/unroll-ml/unroll/graph/tape"
)

// arena is the memory of a program, laid out as the tape says: buffers that overlap there share bytes here.
type arena struct {
	mem  []byte // starts at a multiple of tape.Align
	bufs []tape.Buffer
}

func newArena(t *tape.Tape) *arena {
	mem := make([]byte, t.Arena+tape.Align)
	skip := -uintptr(unsafe.Pointer(&mem[0])) % tape.Align
	return &arena{mem[skip:][:t.Arena], t.Buffers}
}

func (a *arena) dtype(b tape.BufferID) tape.Dtype { return a.bufs[b].Dtype }

// whole is all of a buffer, whose elements are of type T.
func whole[T any](a *arena, id tape.BufferID) []T {
	b := a.bufs[id]
	if b.Len == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&a.mem[b.Offset])), b.Len)
}

// dense is the n elements at r.
func dense[T any](a *arena, r tape.Ref, steps []int, n int) []T {
	at := r.At(steps)
	return whole[T](a, r.Buf)[at : at+n : at+n]
}

// next moves index to the next of a shape, row-major, with the last axis in strides of step; it reports false
// after the last.
func next(index, shape []int, step int) bool {
	for i := len(shape) - 1; i >= 0; i-- {
		if index[i] += step; index[i] < shape[i] {
			return true
		}
		index[i], step = 0, 1
	}
	return false
}

// offset is the distance of an element from the first of a strided view.
func offset(index, strides []int) int {
	at := 0
	for i, s := range strides {
		at += index[i] * s
	}
	return at
}

package cpu

import (
	"unsafe"

	"github.com/unroll-ml/unroll/graph/tape"
)

// slack keeps the address of an empty buffer at the end of an arena inside the allocation.
const slack = tape.Align

// alignedBytes returns zeroed memory that begins at a multiple of tape.Align.
func alignedBytes(n int) []byte {
	b := make([]byte, n+tape.Align+slack)
	preferHugePages(b)
	at := int(-uintptr(unsafe.Pointer(&b[0])) % tape.Align)
	return b[at : at+n+slack][:n]
}

// aligned returns n zeroed elements that begin at a multiple of tape.Align.
func aligned[T any](n int) []T {
	var t T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(alignedBytes(n*int(unsafe.Sizeof(t)))))), n)
}

// A place is where an instruction reads or writes: a tape.Ref in bytes from the start of its buffer.
type place struct {
	buf  tape.BufferID
	at   int
	step []int
}

func newPlace(t *tape.Tape, r tape.Ref) place {
	size := t.Buffers[r.Buf].Dtype.Size()
	p := place{buf: r.Buf, at: r.Off * size}
	for _, s := range r.Step {
		p.step = append(p.step, s*size)
	}
	return p
}

// in is the address of p at the loops' present steps.
func (p *place) in(m *machine) unsafe.Pointer {
	at := p.at
	for i, s := range p.step {
		at += s * m.steps[i]
	}
	return unsafe.Add(m.at[p.buf], at)
}

// elements is n elements of the arena from p on.
func elements[T any](m *machine, p *place, n int) []T { return unsafe.Slice((*T)(p.in(m)), n) }

// offset is the element i elements after p.
func offset[T any](p *T, i int) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(p), i*int(unsafe.Sizeof(*p))))
}

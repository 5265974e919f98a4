package sim

import (
	"unsafe"

	"github.com/pkg/errors"
)

// untouched is what fills memory that a copy has not reached yet: NaN in every type of float, and -1.
const untouched = 0xff

// pinned is host memory that copies reach, by its first byte.
type pinned map[*byte][]byte

func (p pinned) alloc(n int) []byte {
	words := make([]uint64, (n+7)/8)
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), n)
	p[unsafe.SliceData(b)] = b
	return b
}

func (p pinned) release(b []byte) error {
	first := unsafe.SliceData(b)
	if _, ok := p[first]; !ok {
		return errors.New("sim: release of host memory that is not pinned, or not from its first byte")
	}
	delete(p, first)
	return nil
}

func (p pinned) used() int64 {
	n := 0
	for _, b := range p {
		n += len(b)
	}
	return int64(n)
}

// holds reports whether all of b is pinned.
func (p pinned) holds(b []byte) bool {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	for first, whole := range p {
		if base := uintptr(unsafe.Pointer(first)); at >= base && at+uintptr(len(b)) <= base+uintptr(len(whole)) {
			return true
		}
	}
	return false
}

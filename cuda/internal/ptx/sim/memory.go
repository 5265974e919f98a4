package sim

import (
	"fmt"
	"sort"
	"sync"

	"github.com/pkg/errors"
)

// Memory is the global memory of a simulated GPU: allocations far apart, at addresses beyond 32 bits, so that a
// wrong stride or an address cut short falls into the void. It may be used from any goroutine; a launch holds
// it still.
type Memory struct {
	mu     sync.RWMutex
	strict bool
	free   int64
	next   uint64
	allocs []*allocation // by address
	launch uint32        // counts launches, for the shadows of allocations
}

type allocation struct {
	base    uint64
	size    uint64
	data    []byte   // nil if it is reserved: then no access is right
	written []bool   // of every 2 bytes, whether they ever were; nil if memory is not strict
	shadow  []access // of every 4 bytes, who touched them in this launch; made when a launch asks for it
	writer  []uint32 // of every 2 bytes, the launch that wrote them last; nil while no kernel may begin early
}

const (
	firstAddress = 0x7f_0000_0000
	addressAlign = 256
	gap          = 1 << 20 // at least, between allocations
)

// NewMemory returns an empty memory of the given size in bytes. If strict, the use of global memory that nobody
// has written is a fault.
func NewMemory(bytes int64, strict bool) *Memory {
	return &Memory{strict: strict, free: bytes, next: firstAddress}
}

// Free is the number of bytes that nobody has.
func (m *Memory) Free() int64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.free
}

// Alloc reserves memory and returns its address, a multiple of 256. Its contents are not defined: they are no
// numbers, so that who uses them sees it.
func (m *Memory) Alloc(bytes int64) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, err := m.reserve(bytes)
	if err != nil {
		return 0, err
	}
	a.data = make([]byte, bytes)
	for i := range a.data {
		a.data[i] = 0xFF // NaN in float32 and float64, -1 as an integer
	}
	if m.strict {
		a.written = make([]bool, (bytes+1)/2)
	}
	return a.base, nil
}

// Reserve is Alloc for memory that none may touch, as the workspace of a library: it has an address and a size, but no
// contents.
func (m *Memory) Reserve(bytes int64) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, err := m.reserve(bytes)
	if err != nil {
		return 0, err
	}
	return a.base, nil
}

func (m *Memory) reserve(bytes int64) (*allocation, error) {
	if bytes < 0 || bytes > m.free {
		return nil, errors.Errorf("sim: %d bytes of device memory asked for, %d free", bytes, m.free)
	}
	a := &allocation{base: m.next, size: uint64(bytes)}
	m.free -= bytes
	m.allocs = append(m.allocs, a)
	m.next += (a.size+gap)/addressAlign*addressAlign + addressAlign
	return a, nil
}

// Release gives back what Alloc or Reserve gave.
func (m *Memory) Release(addr uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.find(addr)
	if i < 0 || m.allocs[i].base != addr {
		return errors.Errorf("sim: release of %#x, which is no allocation", addr)
	}
	m.free += int64(m.allocs[i].size)
	m.allocs = append(m.allocs[:i], m.allocs[i+1:]...)
	return nil
}

// find is the index of the last allocation that begins at addr or before, or -1.
func (m *Memory) find(addr uint64) int {
	return sort.Search(len(m.allocs), func(i int) bool { return m.allocs[i].base > addr }) - 1
}

// at is the allocation that holds n bytes at addr, or nil.
func (m *Memory) at(addr, n uint64) *allocation {
	if i := m.find(addr); i >= 0 && m.allocs[i].holds(addr, n) {
		return m.allocs[i]
	}
	return nil
}

func (a *allocation) holds(addr, n uint64) bool {
	offset, size := addr-a.base, uint64(len(a.data))
	return offset <= size && n <= size-offset
}

// Read copies device memory to the host.
func (m *Memory) Read(to []byte, from uint64) error {
	window, err := m.Window(from, int64(len(to)))
	copy(to, window)
	return err
}

// Write copies from the host to device memory.
func (m *Memory) Write(to uint64, from []byte) error {
	window, err := m.Window(to, int64(len(from)))
	copy(window, from)
	m.Written(to, int64(len(window)))
	return err
}

// Clear fills device memory with zeros.
func (m *Memory) Clear(to uint64, bytes int64) error {
	window, err := m.Window(to, bytes)
	clear(window)
	m.Written(to, int64(len(window)))
	return err
}

// Copy copies within device memory; the two places may overlap.
func (m *Memory) Copy(to, from uint64, bytes int64) error {
	src, err := m.Window(from, bytes)
	if err != nil {
		return err
	}
	dst, err := m.Window(to, bytes)
	if err != nil {
		return err
	}
	copy(dst, src)
	m.mu.RLock()
	defer m.mu.RUnlock()
	if bytes > 0 && m.strict {
		a, b := m.at(to, uint64(bytes)), m.at(from, uint64(bytes))
		i, j, n := (to-a.base)/2, (from-b.base)/2, uint64(bytes+1)/2
		copy(a.written[i:i+n], b.written[j:j+n])
	}
	return nil
}

// Window is the device memory itself, for who works on it from outside, as a library of matrix products does.
// What is written through it must be told to Written.
func (m *Memory) Window(addr uint64, bytes int64) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if bytes == 0 {
		return nil, nil
	}
	a := m.at(addr, uint64(bytes))
	if a == nil || bytes < 0 {
		return nil, errors.Errorf("sim: %d bytes at %s", bytes, m.describe(addr))
	}
	return a.data[addr-a.base:][:bytes:bytes], nil
}

// Written says that device memory was written through a Window.
func (m *Memory) Written(addr uint64, bytes int64) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if !m.strict || bytes <= 0 {
		return
	}
	if a := m.at(addr, uint64(bytes)); a != nil {
		for i := (addr - a.base) / 2; i < (addr-a.base+uint64(bytes)+1)/2; i++ {
			a.written[i] = true
		}
	}
}

// describe is the address, and where it lies beside the nearest allocation.
func (m *Memory) describe(addr uint64) string {
	i := m.find(addr)
	var before, after *allocation
	if i >= 0 {
		before = m.allocs[i]
	}
	if i+1 < len(m.allocs) {
		after = m.allocs[i+1]
	}
	switch {
	case before != nil && addr-before.base < before.size && before.data == nil:
		return fmt.Sprintf("%#x, byte %d of the %d bytes at %#x, which are reserved", addr, addr-before.base, before.size,
			before.base)
	case before != nil && addr-before.base < before.size:
		return fmt.Sprintf("%#x, byte %d of the %d bytes at %#x", addr, addr-before.base, before.size, before.base)
	case before != nil && (after == nil || addr-before.base-before.size < after.base-addr):
		return fmt.Sprintf("%#x, %d bytes after the end of the %d bytes at %#x", addr, addr-before.base-before.size,
			before.size, before.base)
	case after != nil:
		return fmt.Sprintf("%#x, %d bytes before the %d bytes at %#x", addr, after.base-addr, after.size, after.base)
	}
	return fmt.Sprintf("%#x, and nothing is allocated", addr)
}

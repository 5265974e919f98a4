package sim

import (
	"fmt"
	"math/bits"
)

// sharedBase is the address of the first byte of shared memory that a kernel has: since sm_80 the system keeps
// 1 KB for itself.
const sharedBase = 1 << 10

// array is a declared piece of shared memory. In the simulator there is a gap after each, so that who runs over
// its end is seen.
type array struct {
	name     string
	at, size int
}

// place lays an array out after those before.
func place(arrays []array, name string, size int) array {
	if len(arrays) == 0 {
		return array{name, 0, size}
	}
	last := arrays[len(arrays)-1]
	return array{name, (last.at+last.size+sharedAlign-1)/sharedAlign*sharedAlign + sharedAlign, size}
}

// shared is the shared memory of a block.
type shared struct {
	arrays  []array
	data    []byte
	block   uint32   // counts the blocks that had it
	words   []uint16 // of every 4 bytes, the number of its array from 1 on; 0 in a gap
	written []uint32 // likewise, by which block it was written last
	access  []access // likewise, who touched it
}

func newShared(arrays []array) shared {
	s := shared{arrays: arrays}
	if n := len(arrays); n > 0 {
		size := arrays[n-1].at + arrays[n-1].size
		words := (size + 3) / 4
		s.data, s.words, s.written, s.access = make([]byte, 4*words), make([]uint16, words), make([]uint32, words),
			make([]access, words)
	}
	for i, a := range arrays {
		for w := a.at / 4; w < (a.at+a.size)/4; w++ {
			s.words[w] = uint16(i + 1)
		}
	}
	return s
}

// describe is the place of a byte.
func (s *shared) describe(at int64) string {
	for i := len(s.arrays) - 1; i >= 0; i-- {
		if a := s.arrays[i]; at >= int64(a.at) {
			return fmt.Sprintf("byte %d of %s, which has %d", at-int64(a.at), a.name, a.size)
		}
	}
	return fmt.Sprintf("byte %d of shared memory", at)
}

// check finds n bytes at an address of shared memory.
func (w *warp) check(in *instr, lane int, addr, n uint64) *Fault {
	s := &w.block.shared
	at := addr - sharedBase
	first, last := at/4, (at+n-1)/4
	switch {
	case first >= uint64(len(s.words)) || last >= uint64(len(s.words)) || s.words[first] == 0 ||
		s.words[first] != s.words[last]:
		return w.fault(in, 1<<lane, OutOfBounds, "%d bytes at %s", n, s.describe(int64(at)))
	case at%n != 0:
		return w.fault(in, 1<<lane, Misaligned, "%d bytes at %s, no multiple of %d", n, s.describe(int64(at)), n)
	}
	return nil
}

func (w *warp) loadShared(in *instr, mask uint32) *Fault {
	if mask&^w.set[in.a] != 0 {
		return w.unset(in, mask, in.a)
	}
	s, n, size := &w.block.shared, int(in.n), uint64(in.size)
	addrs := w.regs[in.a]
	for m := mask; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		addr := uint64(uint32(addrs[i] + in.offset))
		if fault := w.check(in, i, addr, size*uint64(n)); fault != nil {
			return fault
		}
		addr -= sharedBase
		me := w.visitor(i)
		me.block = 0 // there is no other
		for word := addr / 4; word < (addr+size*uint64(n))/4; word++ {
			if s.written[word] != s.block {
				return w.fault(in, 1<<i, Uninitialised, "%s was never written", s.describe(int64(4*word)))
			}
			if other, race := s.access[word].read(me); race {
				return w.race(in, me, "read", "written", other, s.describe(int64(4*word)))
			}
		}
		for k := range n {
			w.regs[in.list[k]][i] = get(s.data[addr:], size)
			addr += size
		}
	}
	for k := range n {
		w.set[in.list[k]] |= mask
	}
	return nil
}

func (w *warp) storeShared(in *instr, mask uint32) *Fault {
	s, n, size := &w.block.shared, int(in.n), uint64(in.size)
	ready := w.set[in.a]
	for k := range n {
		ready &= w.set[in.list[k]]
	}
	if mask&^ready != 0 {
		return w.unset(in, mask, append([]int32{in.a}, in.list[:n]...)...)
	}
	for m := mask; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		addr := uint64(uint32(w.regs[in.a][i] + in.offset))
		if fault := w.check(in, i, addr, size*uint64(n)); fault != nil {
			return fault
		}
		addr -= sharedBase
		me := w.visitor(i)
		me.block = 0 // there is no other
		for word := addr / 4; word < (addr+size*uint64(n))/4; word++ {
			if other, race := s.access[word].write(me); race {
				return w.race(in, me, "written", "touched", other, s.describe(int64(4*word)))
			}
			s.written[word] = s.block
		}
		for k := range n {
			put(s.data[addr:], size, w.regs[in.list[k]][i])
			addr += size
		}
	}
	return nil
}

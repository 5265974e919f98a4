package sim

import "math/bits"

// sharedBase is the address of the first byte of shared memory that a kernel has: since sm_80 the system keeps 1 KB for itself.
const sharedBase = 1 << 10

// shared is the shared memory of a block.
type shared struct {
	data    []byte
	block   uint32   // counts the blocks that had it
	written []uint32 // of every 4 bytes, by which of them it was written last
	access  []access // likewise, who touched it
}

func (s *shared) resize(bytes int) {
	if len(s.data) != bytes {
		words := (bytes + 3) / 4
		s.data, s.written, s.access = make([]byte, bytes), make([]uint32, words), make([]access, words)
	}
}

// check finds n bytes at an address of shared memory.
func (w *warp) check(in *instr, lane int, addr, n uint64) *Fault {
	size := uint64(len(w.block.shared.data))
	switch at := addr - sharedBase; {
	case at > size || n > size-at:
		return w.fault(in, 1<<lane, OutOfBounds, "%d bytes at byte %d of shared memory, which has %d", n, int64(at), size)
	case addr%n != 0:
		return w.fault(in, 1<<lane, Misaligned, "%d bytes at byte %d of shared memory, no multiple of %d", n, addr-sharedBase, n)
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
				return w.fault(in, 1<<i, Uninitialised, "byte %d of shared memory was never written", 4*word)
			}
			if other, race := s.access[word].read(me); race {
				return w.race(in, me, "read", "written", other, sharedWord(word))
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
				return w.race(in, me, "written", "touched", other, sharedWord(word))
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

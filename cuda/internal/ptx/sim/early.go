package sim

import "math/bits"

// A kernel that begins early has all its threads wait until the one before has ended, and lets the next one begin
// after that: so that once a kernel has ended, or has let the next one begin, all before it have ended. Before it
// has waited a thread writes nothing to global memory, and reads nothing that the one before writes. Blocks run
// after those of the launch before all the same; what they would not see on a GPU is known from who has written it.

// await notes that threads have waited.
func (w *warp) await(mask uint32) { w.waited |= mask }

// early are those of some threads that nothing lets rely on the launch before.
func (w *warp) early(mask uint32) uint32 {
	if !w.block.launch.Early {
		return 0
	}
	return mask &^ w.waited
}

// release lets the next launch begin.
func (w *warp) release(in *instr, mask uint32) *Fault {
	if e := w.early(mask); e != 0 {
		return w.fault(in, e, Early, "the thread lets the next kernel begin, and has not waited for the one before")
	}
	return nil
}

// leave is the end of threads.
func (w *warp) leave(in *instr, mask uint32) *Fault {
	if e := w.early(mask); e != 0 {
		return w.fault(in, e, Early, "the thread ends, and has not waited for the kernel before")
	}
	return nil
}

// writesEarly refuses to write to global memory before the wait.
func (w *warp) writesEarly(in *instr, mask uint32) *Fault {
	if e := w.early(mask); e != 0 {
		i := bits.TrailingZeros32(e)
		return w.fault(in, e, Early, "the thread writes to %s, and has not waited for the kernel before",
			w.block.memory.describe(w.regs[in.a][i]+in.offset))
	}
	return nil
}

// readsEarly refuses to read before the wait what the launch before has written.
func (w *warp) readsEarly(in *instr, lane int, a *allocation, at, size uint64) *Fault {
	before := w.block.launch.After
	if w.early(1<<lane) == 0 || before == nil || a.writer == nil {
		return nil
	}
	for i := at / 2; i < (at+size)/2; i++ {
		if a.writer[i] == before.number {
			return w.fault(in, 1<<lane, Early, "the kernel before writes what is read here before the wait for it: %s",
				w.block.memory.describe(a.base+2*i))
		}
	}
	return nil
}

// wrote notes who has written memory.
func (w *warp) wrote(a *allocation, at, size uint64) {
	for i := at / 2; i < (at+size)/2; i++ {
		a.writer[i] = w.block.launch.number
	}
}

// follow makes memory know which launch has written it last.
func (m *Memory) follow() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range m.allocs {
		if a.writer == nil {
			a.writer = make([]uint32, (len(a.data)+1)/2)
		}
	}
}

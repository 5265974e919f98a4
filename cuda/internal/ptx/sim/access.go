package sim

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

var little = binary.LittleEndian

// thread is the place in the block of the lowest lane of a mask.
func (w *warp) thread(mask uint32) Dim {
	return w.block.launch.Block.at(w.first + bits.TrailingZeros32(mask))
}

// fault is about the lowest lane of mask.
func (w *warp) fault(in *instr, mask uint32, kind FaultKind, format string, args ...any) *Fault {
	f := w.block.f
	text := parser{lines: f.source}
	return &Fault{Kind: kind, Kernel: f.name, Block: w.block.at, Thread: w.thread(mask), Line: int(in.line),
		Text: text.text(int(in.line)),
		What: fmt.Sprintf(format, args...)}
}

func (w *warp) unset(in *instr, mask uint32, regs ...int32) *Fault {
	for _, r := range regs {
		if bad := mask &^ w.set[r]; bad != 0 {
			return w.fault(in, bad, Uninitialised, "the register %s was never written", w.block.f.names[r])
		}
	}
	return nil
}

func (w *warp) unsetPredicate(in *instr, mask uint32, p int32) *Fault {
	return w.fault(in, mask&^w.predSet[p], Uninitialised, "the register %s was never written", w.block.f.prednames[p])
}

// global finds size bytes at an address, which must be a multiple of size.
func (w *warp) global(in *instr, lane int, addr, size uint64) (*allocation, *Fault) {
	if addr&(size-1) != 0 {
		return nil, w.fault(in, 1<<lane, Misaligned, "%d bytes at %s, no multiple of %d", size,
			w.block.memory.describe(addr), size)
	}
	hint := &w.block.hints[w.pc]
	if a := *hint; a != nil && a.holds(addr, size) {
		return a, nil
	}
	a := w.block.memory.at(addr, size)
	if a == nil {
		return nil, w.fault(in, 1<<lane, OutOfBounds, "%d bytes at %s", size, w.block.memory.describe(addr))
	}
	*hint = a
	return a, nil
}

func (w *warp) load(in *instr, mask uint32) *Fault {
	if mask&^w.set[in.a] != 0 {
		return w.unset(in, mask, in.a)
	}
	n, size := int(in.n), uint64(in.size)
	addrs := w.regs[in.a]
	for m := mask; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		addr := addrs[i] + in.offset
		a, fault := w.global(in, i, addr, size*uint64(n))
		if fault != nil {
			return fault
		}
		at := addr - a.base
		if fault := w.readsEarly(in, i, a, at, size*uint64(n)); fault != nil {
			return fault
		}
		if a.written != nil || a.shadow != nil {
			if fault := w.checkRead(in, i, a, at, size*uint64(n)); fault != nil {
				return fault
			}
		}
		for k := range n {
			w.regs[in.list[k]][i] = get(a.data[at:], size)
			at += size
		}
	}
	for k := range n {
		w.set[in.list[k]] |= mask
	}
	return nil
}

func (w *warp) store(in *instr, mask uint32) *Fault {
	n, size := int(in.n), uint64(in.size)
	ready := w.set[in.a]
	for k := range n {
		ready &= w.set[in.list[k]]
	}
	if mask&^ready != 0 {
		return w.unset(in, mask, append([]int32{in.a}, in.list[:n]...)...)
	}
	if fault := w.writesEarly(in, mask); fault != nil {
		return fault
	}
	for m := mask; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		addr := w.regs[in.a][i] + in.offset
		a, fault := w.global(in, i, addr, size*uint64(n))
		if fault != nil {
			return fault
		}
		at := addr - a.base
		if a.writer != nil {
			w.wrote(a, at, size*uint64(n))
		}
		if a.written != nil || a.shadow != nil {
			if fault := w.checkWrite(in, i, a, at, size*uint64(n)); fault != nil {
				return fault
			}
		}
		for k := range n {
			put(a.data[at:], size, w.regs[in.list[k]][i])
			at += size
		}
	}
	return nil
}

func get(data []byte, size uint64) uint64 {
	switch size {
	case 4:
		return uint64(little.Uint32(data))
	case 8:
		return little.Uint64(data)
	}
	return uint64(little.Uint16(data))
}

func put(data []byte, size, x uint64) {
	switch size {
	case 4:
		little.PutUint32(data, uint32(x))
	case 8:
		little.PutUint64(data, x)
	default:
		little.PutUint16(data, uint16(x))
	}
}

// reduce is memory = vec(memory, b), under a lock: blocks run in parallel.
func (w *warp) reduce(in *instr, mask uint32) *Fault {
	if mask&^(w.set[in.a]&w.set[in.b]) != 0 {
		return w.unset(in, mask, in.a, in.b)
	}
	if fault := w.writesEarly(in, mask); fault != nil {
		return fault
	}
	w.block.launch.atomics.Lock()
	defer w.block.launch.atomics.Unlock()
	size := uint64(in.size)
	for m := mask; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		addr := w.regs[in.a][i] + in.offset
		a, fault := w.global(in, i, addr, size)
		if fault != nil {
			return fault
		}
		at := addr - a.base
		if a.written != nil {
			if fault := w.checkWritten(in, i, a, at, size); fault != nil {
				return fault
			}
		}
		var d, x, y lanes
		x[0], y[0] = get(a.data[at:], size), w.regs[in.b][i]
		in.vec(&d, &x, &y, &d)
		if a.writer != nil {
			w.wrote(a, at, size)
		}
		put(a.data[at:], size, d[0])
	}
	return nil
}

// checkWritten refuses to read what nobody wrote.
func (w *warp) checkWritten(in *instr, lane int, a *allocation, at, size uint64) *Fault {
	for i := at / 2; i < (at+size)/2; i++ {
		if !a.written[i] {
			return w.fault(in, 1<<lane, Uninitialised, "%d bytes at %s: nobody has written there", size,
				w.block.memory.describe(a.base+at))
		}
	}
	return nil
}

func (w *warp) checkRead(in *instr, lane int, a *allocation, at, size uint64) *Fault {
	if a.written != nil {
		if fault := w.checkWritten(in, lane, a, at, size); fault != nil {
			return fault
		}
	}
	if a.shadow != nil {
		me := w.visitor(lane)
		for i := at / 4; i <= (at+size-1)/4; i++ {
			if other, race := a.shadow[i].read(me); race {
				return w.race(in, me, "read", "written", other, w.block.memory.describe(a.base+4*i))
			}
		}
	}
	return nil
}

func (w *warp) checkWrite(in *instr, lane int, a *allocation, at, size uint64) *Fault {
	if a.written != nil {
		for i := at / 2; i < (at+size)/2; i++ {
			a.written[i] = true
		}
	}
	if a.shadow != nil {
		me := w.visitor(lane)
		for i := at / 4; i <= (at+size-1)/4; i++ {
			if other, race := a.shadow[i].write(me); race {
				return w.race(in, me, "written", "touched", other, w.block.memory.describe(a.base+4*i))
			}
		}
	}
	return nil
}

func (w *warp) race(in *instr, me visitor, now, before string, other visitor, where string) *Fault {
	l := w.block.launch
	who := "another thread"
	if other.thread != many {
		who = fmt.Sprintf("thread %v", l.Block.at(int(other.thread)))
	}
	if other.block != me.block {
		if other.block != many {
			who += fmt.Sprintf(" of block %v", l.Grid.at(int(other.block)))
		} else {
			who += " of another block"
		}
	} else {
		who += ", with no barrier between"
	}
	return w.fault(in, 1<<(int(me.thread)-w.first), Race, "the word is %s here and was %s by %s: %s", now, before, who,
		where)
}

func (w *warp) visitor(lane int) visitor {
	return visitor{launch: w.block.launch.number, block: w.block.number, epoch: w.block.epoch,
		thread: int32(w.first + lane)}
}

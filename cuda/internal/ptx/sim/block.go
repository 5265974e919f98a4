package sim

import "slices"

// block runs one block after the other; its parts are made once.
type block struct {
	f      *Function
	launch *Launch
	memory *Memory
	number int32
	at     Dim
	epoch  int32 // counts what barriers, and the ends of blocks, part
	warps  []warp
	shared shared
	hints  []*allocation // of each instruction, where it last was
	stats  Stats
}

func (f *Function) block(l *Launch) *block {
	b := &block{f: f, launch: l, memory: l.Memory, hints: make([]*allocation, len(f.code)),
		warps: make([]warp, (l.Block.size()+31)/32)}
	arrays := f.arrays
	if f.dynamic {
		arrays = append(slices.Clone(arrays), place(arrays, "the shared memory of the launch", l.Shared))
	}
	b.shared = newShared(arrays)
	for i := range b.warps {
		w := &b.warps[i]
		w.block = b
		w.regs, w.set = make([]lanes, f.registers), make([]uint32, f.registers)
		w.preds, w.predSet = make([]uint32, f.predicates), make([]uint32, f.predicates)
		w.broadcast()
	}
	return b
}

func (b *block) run(number int) *Fault {
	threads := b.launch.Block.size()
	b.number, b.at = int32(number), b.launch.Grid.at(number)
	b.shared.block++
	for i := range b.warps {
		b.warps[i].start(32*i, threads)
	}
	defer func() {
		for i := range b.warps {
			b.stats.Instructions += b.warps[i].count
			b.stats.Warps += b.warps[i].steps
		}
	}()
	for {
		var barrier int32
		for i := range b.warps {
			w := &b.warps[i]
			at, fault := w.run()
			if fault != nil {
				return fault
			}
			if i == 0 {
				barrier = at
			} else if at != barrier {
				return b.divergent(w, at, barrier)
			}
		}
		b.epoch++
		if barrier < 0 {
			return nil
		}
	}
}

// divergent says that warp w and warp 0 stopped at different places.
func (b *block) divergent(w *warp, at, barrier int32) *Fault {
	first := &b.warps[0]
	switch {
	case at < 0: // w has returned
		return first.fault(&b.f.code[barrier], first.all, Divergence,
			"this thread waits at the barrier, but thread %v has returned", w.thread(w.all))
	case barrier < 0:
		return w.fault(&b.f.code[at], w.all, Divergence, "this thread waits at the barrier, but thread %v has returned",
			first.thread(first.all))
	}
	return w.fault(&b.f.code[at], w.all, Divergence,
		"this thread waits at this barrier, but thread %v at the one of line %d", first.thread(first.all),
		b.f.code[barrier].line)
}

package sim

import (
	"math"
	"math/bits"
)

// warp is 32 threads that run in lock-step.
//
// Those of them that stand at pc are active. Others, that took another way at a branch, wait in groups, the one
// at the lowest line last; no active thread passes a group: at its line they join it, and beyond that line it
// runs first. In code whose blocks are nested, all threads that part meet again where the block ends.
type warp struct {
	block   *block
	first   int // number of its first thread in the block
	regs    []lanes
	set     []uint32 // of each register, the lanes in which it was written
	preds   []uint32
	predSet []uint32
	scratch lanes // the result of an instruction that not all lanes take part in

	all    uint32 // the lanes that have a thread
	live   uint32 // those that have not returned
	active uint32
	waited uint32 // those that have waited for the launch before
	pc     int32
	meet   int32 // the pc of the last group, or beyond all code
	groups []group
	steps  int64 // instructions so far
	count  int64 // instructions so far, of all threads
}

type group struct {
	pc    int32
	lanes uint32
}

const full = math.MaxUint32

// start makes the warp ready for a block of threads that number first, first+1, ...
func (w *warp) start(first, threads int) {
	f := w.block.f
	w.first = first
	w.all = full
	if n := threads - first; n < 32 {
		w.all = 1<<n - 1
	}
	w.live, w.active, w.pc, w.groups, w.meet = w.all, w.all, 0, w.groups[:0], math.MaxInt32
	w.steps, w.count, w.waited = 0, 0, 0
	clear(w.set)
	clear(w.predSet)
	for _, c := range f.constants {
		w.set[c.reg] = full
	}
	for _, p := range f.params {
		w.set[p] = full
	}
	l := w.block.launch
	for _, s := range f.specials {
		w.set[s.reg] = full
		for i := range w.regs[s.reg] {
			w.regs[s.reg][i] = uint64(uint32(s.of(l, w.block.at, l.Block.at(first+i), i)))
		}
	}
}

// broadcast fills registers that are the same in all blocks.
func (w *warp) broadcast() {
	f := w.block.f
	fill := func(reg int32, bits uint64) {
		for i := range w.regs[reg] {
			w.regs[reg][i] = bits
		}
	}
	for _, c := range f.constants {
		fill(c.reg, c.bits)
	}
	for i, p := range f.params {
		fill(p, w.block.launch.Args[i])
	}
}

// run executes until the warp has returned or has come to a barrier, whose place in the code it returns; -1
// when it has returned.
func (w *warp) run() (barrier int32, fault *Fault) {
	code, budget := w.block.f.code, w.block.launch.Budget
	for {
		if w.pc >= w.meet {
			w.join()
		}
		in := &code[w.pc]
		mask := w.active
		w.steps++
		w.count += int64(bits.OnesCount32(mask))
		if w.steps > budget {
			return 0, w.fault(in, mask, Hang, "more than %d instructions", budget)
		}
		if in.guard >= 0 {
			if mask&^w.predSet[in.guard] != 0 {
				return 0, w.unsetPredicate(in, mask, in.guard)
			}
			if in.negate {
				mask &^= w.preds[in.guard]
			} else {
				mask &= w.preds[in.guard]
			}
			if mask == 0 {
				w.pc++
				continue
			}
		}

		switch in.form {
		case formVector:
			if mask&^(w.set[in.a]&w.set[in.b]&w.set[in.c]) != 0 {
				return 0, w.unset(in, mask, in.a, in.b, in.c)
			}
			w.vector(in, mask)

		case formDivide:
			if mask&^(w.set[in.a]&w.set[in.b]) != 0 {
				return 0, w.unset(in, mask, in.a, in.b)
			}
			for m := mask; m != 0; m &= m - 1 {
				if i := bits.TrailingZeros32(m); w.regs[in.b][i] == 0 {
					return 0, w.fault(in, 1<<i, DivideByZero, "%d by 0", w.regs[in.a][i])
				}
			}
			w.vector(in, mask)

		case formCompare:
			if mask&^(w.set[in.a]&w.set[in.b]) != 0 {
				return 0, w.unset(in, mask, in.a, in.b)
			}
			w.setPredicate(in.d, mask, in.rel(&w.regs[in.a], &w.regs[in.b]))

		case formSelect:
			if mask&^(w.set[in.a]&w.set[in.b]) != 0 {
				return 0, w.unset(in, mask, in.a, in.b)
			}
			if mask&^w.predSet[in.c] != 0 {
				return 0, w.unsetPredicate(in, mask, in.c)
			}
			d, a, b, p := &w.regs[in.d], &w.regs[in.a], &w.regs[in.b], w.preds[in.c]
			for m := mask; m != 0; m &= m - 1 {
				i := bits.TrailingZeros32(m)
				if p>>i&1 != 0 {
					d[i] = a[i]
				} else {
					d[i] = b[i]
				}
			}
			w.set[in.d] |= mask

		case formMovePred, formNotPred, formAndPred, formOrPred, formXorPred:
			if fault := w.predicates(in, mask); fault != nil {
				return 0, fault
			}

		case formLoad:
			if fault := w.load(in, mask); fault != nil {
				return 0, fault
			}
		case formStore:
			if fault := w.store(in, mask); fault != nil {
				return 0, fault
			}
		case formLoadShared:
			if fault := w.loadShared(in, mask); fault != nil {
				return 0, fault
			}
		case formStoreShared:
			if fault := w.storeShared(in, mask); fault != nil {
				return 0, fault
			}
		case formReduce:
			if fault := w.reduce(in, mask); fault != nil {
				return 0, fault
			}

		case formShuffle:
			if fault := w.shuffle(in, mask); fault != nil {
				return 0, fault
			}

		case formMatrices:
			if fault := w.multiply(in, mask); fault != nil {
				return 0, fault
			}

		case formSplit:
			if mask&^w.set[in.a] != 0 {
				return 0, w.unset(in, mask, in.a)
			}
			for m := mask; m != 0; m &= m - 1 {
				i := bits.TrailingZeros32(m)
				x := w.regs[in.a][i]
				w.regs[in.list[0]][i], w.regs[in.list[1]][i] = uint64(uint32(x)), x>>32
			}
			w.set[in.list[0]] |= mask
			w.set[in.list[1]] |= mask
		case formJoin:
			if mask&^(w.set[in.list[0]]&w.set[in.list[1]]) != 0 {
				return 0, w.unset(in, mask, in.list[0], in.list[1])
			}
			for m := mask; m != 0; m &= m - 1 {
				i := bits.TrailingZeros32(m)
				w.regs[in.d][i] = w.regs[in.list[1]][i]<<32 | w.regs[in.list[0]][i]
			}
			w.set[in.d] |= mask

		case formBranch:
			if stay := w.active &^ mask; stay == 0 {
				w.pc = in.target
			} else {
				w.wait(group{in.target, mask})
				w.active = stay
				w.pc++
			}
			continue

		case formAwait:
			w.await(mask)
		case formRelease:
			if fault := w.release(in, mask); fault != nil {
				return 0, fault
			}

		case formReturn:
			if fault := w.leave(in, mask); fault != nil {
				return 0, fault
			}
			w.live &^= mask
			w.active &^= mask
			w.pc++
			if w.live == 0 {
				return -1, nil
			}
			if w.active == 0 {
				w.resume()
			}
			continue

		case formBarrier:
			if mask != w.all {
				return 0, w.fault(in, w.all&^mask, Divergence,
					"this thread is not at the barrier, but another thread of its warp is, thread %v", w.thread(mask))
			}
			w.pc++
			return w.pc - 1, nil
		}
		w.pc++
	}
}

// vector computes d in the lanes of mask.
func (w *warp) vector(in *instr, mask uint32) {
	if mask == full {
		in.vec(&w.regs[in.d], &w.regs[in.a], &w.regs[in.b], &w.regs[in.c])
		w.set[in.d] = full
		return
	}
	t := &w.scratch
	in.vec(t, &w.regs[in.a], &w.regs[in.b], &w.regs[in.c])
	d := &w.regs[in.d]
	for m := mask; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		d[i] = t[i]
	}
	w.set[in.d] |= mask
}

func (w *warp) setPredicate(p int32, mask, value uint32) {
	w.preds[p] = w.preds[p]&^mask | value&mask
	w.predSet[p] |= mask
}

func (w *warp) predicates(in *instr, mask uint32) *Fault {
	a, b := w.preds[in.a], uint32(0)
	if mask&^w.predSet[in.a] != 0 {
		return w.unsetPredicate(in, mask, in.a)
	}
	if in.form >= formAndPred {
		if b = w.preds[in.b]; mask&^w.predSet[in.b] != 0 {
			return w.unsetPredicate(in, mask, in.b)
		}
	}
	switch in.form {
	case formNotPred:
		a = ^a
	case formAndPred:
		a &= b
	case formOrPred:
		a |= b
	case formXorPred:
		a ^= b
	}
	w.setPredicate(in.d, mask, a)
	return nil
}

func (w *warp) shuffle(in *instr, mask uint32) *Fault {
	if mask != full {
		return w.fault(in, mask, Divergence, "only %d of 32 threads of the warp are here: the lanes %032b",
			bits.OnesCount32(mask), mask)
	}
	if w.set[in.a] != full {
		return w.unset(in, mask, in.a)
	}
	a, d := w.regs[in.a], &w.regs[in.d]
	n := int(in.offset)
	for i := range d {
		from := i ^ n
		if in.n == 1 { // down
			if from = i + n; from > 31 {
				from = i
			}
		}
		d[i] = a[from]
	}
	w.set[in.d] = full
	return nil
}

// wait puts threads aside until the active ones reach their line.
func (w *warp) wait(g group) {
	i := len(w.groups)
	for i > 0 && w.groups[i-1].pc < g.pc {
		i--
	}
	if i > 0 && w.groups[i-1].pc == g.pc {
		w.groups[i-1].lanes |= g.lanes
	} else {
		w.groups = append(w.groups, group{})
		copy(w.groups[i+1:], w.groups[i:])
		w.groups[i] = g
	}
	w.meet = w.groups[len(w.groups)-1].pc
}

// join lets the active threads, which have reached the line of the last group or are beyond it, join it or wait for it.
func (w *warp) join() {
	if w.pc > w.meet {
		w.wait(group{w.pc, w.active})
		w.active = 0
	}
	w.resume()
}

// resume makes the last group active, with those that are.
func (w *warp) resume() {
	last := len(w.groups) - 1
	w.pc = w.groups[last].pc
	w.active |= w.groups[last].lanes
	w.groups = w.groups[:last]
	w.meet = math.MaxInt32
	if last > 0 {
		w.meet = w.groups[last-1].pc
	}
}

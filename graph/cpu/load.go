package cpu

import (
	"unsafe"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// A loader makes the steps of one tape.
type loader[T kernel.Float] struct {
	tape     *tape.Tape
	kernels  *kernel.Set[T]
	threads  int
	frames   []*frame // the tape itself, then the enclosing loops, outermost first
	packs    map[packKey]*packed[T]
	int8     kernel.Int8Row // nil: weights are as they are
	weights8 map[packKey]*weights8
	family   *family      // nil: none
	times    *Times       // nil: nothing is measured
	taken    []commonPack // of the family
	work     work
	own      []*packed[T] // that have memory of their own
	scratch  int          // bytes that a member of the team needs
	gemmA    int          // elements that a product needs to pack its operands
	gemmB    int
	gemms    []*gemm[T] // that share this memory
}

// A frame is a stretch of code that runs as a whole: the tape, or the body of a loop.
type frame struct {
	writes []extent // the memory that its instructions write
	before []step   // what need be done only once, before it
}

// An extent is a range of the arena, in bytes.
type extent struct{ from, to int64 }

func extentOf(t *tape.Tape, id tape.BufferID) extent {
	b := t.Buffers[id]
	return extent{b.Offset, b.Offset + int64(b.Len*b.Dtype.Size())}
}

func (e extent) overlaps(f extent) bool { return e.from < f.to && f.from < e.to }

// newLoader begins a program of a device.
func newLoader[T kernel.Float](d *device, t *tape.Tape, kernels *kernel.Set[T]) *loader[T] {
	l := &loader[T]{
		tape: t, kernels: kernels, threads: d.threads, family: d.family,
		packs: make(map[packKey]*packed[T]), weights8: make(map[packKey]*weights8),
	}
	if d.int8 && t.Float == tape.Float32 {
		l.int8 = kernel.Int8(kernels.Path)
	}
	return l
}

// load makes the program, whose instructions are measured if there are times.
func (l *loader[T]) load(times *Times) (tape.Program, error) {
	l.times = times
	p, err := l.program()
	if err != nil {
		l.family.release(l.taken)
		return nil, err
	}
	return p, nil
}

// program makes the program, but for the operands that it has taken from the family when there is an error.
func (l *loader[T]) program() (*program, error) {
	t := l.tape
	code, before, err := l.body(t.Code)
	if err != nil {
		return nil, err
	}
	l.family.settlePacks(func() {
		for _, p := range l.own {
			if p.memory == nil {
				p.memory = unsafe.SliceData(aligned[T](p.size()))
			}
		}
		for _, w := range l.weights8 {
			n := w.panels() * w.width
			w.numbers, w.scales = aligned[int8](n*4*w.depth), aligned[float32](n)
		}
	})
	p := &program{tape: t, code: append(before, code...), family: l.family, taken: l.taken}
	p.m = &machine{
		at:      make([]unsafe.Pointer, len(t.Buffers)),
		steps:   make([]int, depth(t.Code)),
		scratch: make([][]byte, l.threads),
		written: make([]*uint64, len(t.Buffers)),
	}
	for i := range p.m.scratch {
		claim(&l.work, l.scratch, func(at *byte) { p.m.scratch[i] = unsafe.Slice(at, l.scratch) })
	}
	claim(&l.work, l.gemmA, func(at *T) {
		for _, g := range l.gemms {
			g.bufA = at
		}
	})
	claim(&l.work, l.gemmB, func(at *T) {
		for _, g := range l.gemms {
			g.bufB = at
		}
	})
	w := l.work
	if err := p.settle(&w); err != nil {
		return nil, err
	}
	p.m.team = newTeam(l.threads)
	return p, nil
}

// measure is how many bytes the program of a tape takes.
func (l *loader[T]) measure() (int64, error) {
	l.family = nil // from which it would take
	t := l.tape
	if _, _, err := l.body(t.Code); err != nil {
		return 0, err
	}
	bytes := l.work.bytes + l.threads*l.scratch
	elements := l.gemmA + l.gemmB
	for _, p := range l.own {
		elements += p.size()
	}
	var x T
	return t.Arena + int64(bytes+elements*int(unsafe.Sizeof(x))), nil
}

// body makes the steps of a frame, and those to be taken before it.
func (l *loader[T]) body(code []tape.Instr) (steps, before []step, err error) {
	f := &frame{writes: writes(l.tape, code, nil)}
	l.frames = append(l.frames, f)
	defer func() { l.frames = l.frames[:len(l.frames)-1] }()
	for _, in := range code {
		if lp, ok := in.(*tape.Loop); ok {
			body, before, err := l.body(lp.Body)
			if err != nil {
				return nil, nil, err
			}
			steps = append(steps, before...)
			steps = append(steps, &loop{depth: len(l.frames) - 1, trip: lp.Trip, body: body})
			continue
		}
		s, err := l.step(in)
		if err != nil {
			return nil, nil, err
		}
		steps = append(steps, l.timed(in, s)...)
	}
	return steps, l.timed(nil, f.before), nil
}

// step makes one instruction ready. An instruction without work gives no steps.
func (l *loader[T]) step(in tape.Instr) ([]step, error) {
	switch in := in.(type) {
	case *tape.Product:
		return l.product(in), nil
	case *tape.Map:
		return l.mapping(in), nil
	case *tape.Reduce:
		return l.reduce(in), nil
	case *tape.Rows:
		return l.rows(in), nil
	case *tape.Gather:
		return l.gather(in), nil
	case *tape.ScatterAdd:
		return l.scatter(in), nil
	case *tape.Put:
		return l.put(in), nil
	case *tape.Random:
		return l.random(in), nil
	case *tape.Copy:
		return l.copying(in), nil
	case *tape.Host:
		return l.host(in), nil
	case *tape.AllReduce:
		return l.allReduce(in), nil
	}
	return nil, &tape.UnsupportedError{Device: "cpu", Instr: in.String(), Why: "the instruction is unknown"}
}

// writes appends the extents that code writes, loops included.
func writes(t *tape.Tape, code []tape.Instr, to []extent) []extent {
	for _, in := range code {
		if lp, ok := in.(*tape.Loop); ok {
			to = writes(t, lp.Body, to)
			continue
		}
		in.Refs(func(r tape.Ref, write bool) {
			if write {
				to = append(to, extentOf(t, r.Buf))
			}
		})
	}
	return to
}

// depth is how deep the loops of code are nested.
func depth(code []tape.Instr) int {
	d := 0
	for _, in := range code {
		if lp, ok := in.(*tape.Loop); ok {
			d = max(d, 1+depth(lp.Body))
		}
	}
	return d
}

// hoist returns the outermost frame in which the memory behind r stays the same: nothing in the frame writes
// the buffer, and the place does not move. The frame of the tape itself, 0, is one only if just the host ever
// writes the buffer. Without such a frame it returns nil.
func (l *loader[T]) hoist(r tape.Ref) *frame {
	e := extentOf(l.tape, r.Buf)
	for i, f := range l.frames {
		if !r.Fixed(max(0, i-1)) || i == 0 && !l.hostOnly(r.Buf) {
			continue
		}
		still := true
		for _, w := range f.writes {
			still = still && !w.overlaps(e)
		}
		if still {
			return f
		}
	}
	return nil
}

// hostOnly reports whether the buffer is one that the host writes.
func (l *loader[T]) hostOnly(id tape.BufferID) bool {
	for _, s := range l.tape.Slots {
		if s.Buf == id && s.Kind != tape.Output {
			return true
		}
	}
	return false
}

// A part of a job should be worth the trouble of taking it, and a job that of announcing it: nanoseconds. In a
// loop the workers spin.
const (
	partCost  = 1000
	jobCost   = 5000
	jobInLoop = 2500
)

// parts is into how many parts to split work of the given cost in nanoseconds that falls into n pieces.
func (l *loader[T]) parts(cost float64, n int) int { return split(l.threads, cost, n, l.inLoop()) }

func (l *loader[T]) inLoop() bool { return len(l.frames) > 1 }

func split(threads int, cost float64, n int, inLoop bool) int {
	least := float64(jobCost)
	if inLoop {
		least = jobInLoop
	}
	if threads == 1 || cost < least {
		return 1
	}
	return max(1, min(4*threads, int(cost/partCost), n, maxParts))
}

// share is the i-th of parts contiguous shares of [0, n).
func share(n, parts, i int) (from, to int) { return i * n / parts, (i + 1) * n / parts }

package cuda

import (
	"fmt"
	"math"
	"slices"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// A lowering turns a tape into work.
type lowering struct {
	tape      *tape.Tape
	homes     map[tape.BufferID]place // of slots that lie elsewhere than the tape says
	common    map[tape.BufferID]place // those of them that other programs have, too
	first     int64                   // what lies before it in the tape's arena are such slots
	float     kernel.Elem
	precision driver.Precision // of products

	stepKernels bool // steps have kernels of their own
	collective  bool // the device has one
	rounds      bool // kernels can round to bfloat16 in an instruction

	segments   []*segment
	launches   []*launch
	multiplies bool // there are products
	hosts      []*host
	sites      []*site    // that check indices
	asked      []tape.Ref // inputs on which it depends what is put into the stream
	tables     []*table   // of groups of Maps
	size       [spaces]int64

	frames  []*frame // the tape itself, then the enclosing loops, outermost first
	trips   []int    // of the enclosing loops
	path    []int    // index of the present instruction in each enclosing body
	packs   map[packKey]place
	ahead   []*piece              // what need be done only once in a run
	keeps   map[int][]access      // what of that instructions of the tape read, by index
	whole   map[tape.Instr]*frame // of loops that were cut
	outline *outline              // of the tape, when it was asked for
	err     error                 // the first instruction that is too much
}

// A frame is a stretch of code that runs as a whole: the tape, or the body of a loop.
type frame struct {
	writes []writing // the memory that its instructions write
	before []work    // what need be done only once, before it
}

// A writing is memory that is written: the tape's by the instruction of that index, a loop's at some step of it.
type writing struct {
	extent
	by int
}

func newLowering(t *tape.Tape, precision driver.Precision, stepKernels bool) *lowering {
	l := &lowering{
		tape: withoutNeed(t), float: elem(t.Float), precision: precision, stepKernels: stepKernels,
		packs: map[packKey]place{}, keeps: map[int][]access{}, whole: map[tape.Instr]*frame{},
	}
	if t.Float == tape.Float64 {
		l.precision = driver.Float64
	}
	return l
}

func (l *lowering) lower() error {
	l.size[arena] = roundUp(l.tape.Arena - l.first)
	l.segments = segments(l.top())
	if events(l.segments) > 0 {
		l.size[second] = l.size[scratch]
	}
	return l.err
}

// roundUp is the next multiple of alignment.
func roundUp(n int64) int64 { return (n + alignment - 1) / alignment * alignment }

// keep reserves device memory that holds its contents during a run.
func (l *lowering) keep(bytes int) place {
	p := place{at: uint64(l.size[arena]), space: arena}
	l.size[arena] += roundUp(int64(bytes))
	return p
}

// have reserves device memory that holds its contents as long as the program is open.
func (l *lowering) have(bytes int) place {
	p := place{at: uint64(l.size[own]), space: own}
	l.size[own] += roundUp(int64(bytes))
	return p
}

// borrow reserves scratch memory for the present instruction, from the given byte on; the next instruction gets
// the same.
func (l *lowering) borrow(from, bytes int) place {
	l.size[scratch] = max(l.size[scratch], roundUp(int64(from+bytes)))
	return place{at: uint64(from), space: scratch}
}

// top makes the work of the tape itself.
func (l *lowering) top() []*piece {
	code := l.apart(l.sums(l.tape.Code))
	code = l.regions(l.cut(code))
	f := &frame{}
	for i, in := range code {
		f.writes = l.writes(in, i, f.writes)
	}
	var pieces []*piece
	last := map[tape.Instr]*piece{} // portion of a loop
	for _, g := range l.body(f, code) {
		p := &piece{work: g.work, cost: duration(g.work)}
		for _, i := range g.members {
			p.accesses = append(append(p.accesses, l.accesses(code[i], 0)...), l.keeps[i]...)
			if cut, ok := code[i].(*portion); ok && l.whole[cut.of] != nil { // what the first does once serves all
				p.chain, last[cut.of] = last[cut.of], p
			}
		}
		pieces = append(pieces, p)
	}
	return append(l.ahead, pieces...)
}

// body makes the work of a frame, group by group, and what is to be done before it.
func (l *lowering) body(f *frame, code []tape.Instr) []group {
	l.frames = append(l.frames, f)
	l.path = append(l.path, 0)
	// Kernels of steps and of regions are for what a step does, not for what is done around loops: there rows are many,
	// and the numbers must be those of the same instructions without a loop around.
	if len(l.trips) > 0 && !slices.ContainsFunc(code, isLoop) {
		code = l.regions(l.steps(code))
	}
	gs := l.groups(code)
	for k := range gs {
		g := &gs[k]
		if len(g.members) > 1 {
			g.work = l.together(code, *g)
			continue
		}
		i := g.members[0]
		l.path[len(l.path)-1] = i
		g.work = l.instruction(code[i])
	}
	l.frames = l.frames[:len(l.frames)-1]
	l.path = l.path[:len(l.path)-1]
	return gs
}

// loop makes the work of a loop.
func (l *lowering) loop(in *tape.Loop, f *frame) (ws []work) {
	for _, lp := range l.turned(in, f) {
		ws = append(ws, l.straight(lp, f)...)
	}
	return ws
}

// straight is loop, of the body as it is.
func (l *lowering) straight(in *tape.Loop, f *frame) []work {
	if in.Trip == 0 {
		return nil
	}
	l.trips = append(l.trips, in.Trip)
	var body []work
	for _, g := range l.body(f, in.Body) {
		body = append(body, g.work...)
	}
	l.trips = l.trips[:len(l.trips)-1]
	ws := f.before
	if f.before = nil; len(body) == 0 {
		return ws
	}
	return append(ws, &loop{depth: len(l.trips), trip: in.Trip, body: body})
}

// part makes the work of a portion. The portions of a loop have one frame: what is done once for the loop is
// done before the first of them.
func (l *lowering) part(p *portion) []work {
	lp, ok := p.Instr.(*tape.Loop)
	if !ok {
		return l.instruction(p.Instr)
	}
	if l.whole[p.of] == nil {
		l.whole[p.of] = l.frame(lp)
	}
	return l.loop(lp, l.whole[p.of])
}

func (l *lowering) frame(lp *tape.Loop) *frame { return &frame{writes: l.writes(lp, 0, nil)} }

// instruction makes the work of one instruction; there is none if it does nothing.
func (l *lowering) instruction(in tape.Instr) []work {
	switch in := in.(type) {
	case *tape.Loop:
		return l.loop(in, l.frame(in))
	case *portion:
		return l.part(in)
	case *sum:
		return l.fold([]*sum{in})
	case *step:
		return l.step(in)
	case *region:
		return l.regional(in)
	case *tape.Product:
		return l.product(in)
	case *tape.Map:
		return l.mapping(in)
	case *tape.Reduce:
		return l.reduce(in)
	case *tape.Rows:
		return l.rows(in)
	case *tape.Gather:
		return l.gather(in)
	case *tape.ScatterAdd:
		return l.scatter(in)
	case *tape.Put:
		return l.putRows(in)
	case *tape.Random:
		return l.random(in)
	case *tape.Copy:
		return l.copying(in)
	case *tape.Host:
		return l.host(in)
	case *tape.AllReduce:
		return l.allReduce(in)
	}
	l.unsupported(in, "the instruction is unknown")
	return nil
}

func (l *lowering) unsupported(in tape.Instr, format string, args ...any) {
	if l.err == nil {
		l.err = &tape.UnsupportedError{Device: "cuda", Instr: in.String(), Why: fmt.Sprintf(format, args...)}
	}
}

// fits reports whether extents of an instruction can be counted with 31 bits, as kernels and cuBLAS do.
func (l *lowering) fits(in tape.Instr, extents ...int) bool {
	for _, n := range extents {
		if n > math.MaxInt32 {
			l.unsupported(in, "an extent of %d is larger than %d", n, math.MaxInt32)
			return false
		}
	}
	return true
}

// launch is a kernel of an instruction with its arguments.
func (l *lowering) launch(in tape.Instr, k kernel.Launch, args ...place) *launch {
	if k.Blocks[0] > maxBlocksX || k.Blocks[1] > maxBlocksY {
		l.unsupported(in, "a kernel of %d×%d blocks is too large", k.Blocks[0], k.Blocks[1])
	}
	w := newLaunch(k, args...)
	l.launches = append(l.launches, w)
	return w
}

// writes appends what an instruction writes, with all in a loop.
func (l *lowering) writes(in tape.Instr, by int, to []writing) []writing {
	switch in := in.(type) {
	case *portion:
		return l.writes(in.Instr, by, to)
	case *tape.Loop:
		for _, inner := range in.Body {
			to = l.writes(inner, by, to)
		}
		return to
	}
	in.Refs(func(r tape.Ref, write bool) {
		if write {
			to = append(to, writing{extentOf(l.tape, r.Buf), by})
		}
	})
	return to
}

// still returns the outermost frame in which the memory behind r stays the same, nil if there is none: nothing
// in the frame writes the buffer before the present instruction reads it, and the place does not move. In a loop
// the present instruction comes after all others, those of the step before.
func (l *lowering) still(r tape.Ref) *frame {
	e := extentOf(l.tape, r.Buf)
	for i, f := range l.frames {
		written := slices.ContainsFunc(f.writes, func(w writing) bool {
			return (i > 0 || w.by <= l.path[0]) &&
				e.overlaps(w.extent)
		})
		if !written && r.Fixed(max(0, i-1)) {
			return f
		}
	}
	return nil
}

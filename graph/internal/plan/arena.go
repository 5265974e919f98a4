package plan

import (
	"slices"
	"sort"

	"github.com/unroll-ml/unroll/graph/tape"
)

// place gives every buffer an offset in the arena. Buffers that are never alive at the same time may share memory.
//
// A buffer is alive from the first to the last instruction that touches it, both included; one that is touched
// within a loop but not written anew by every step is alive during the whole loop. Slots are always alive.
//
// With overlap, what products of a step of an outermost loop make is alive during the whole loop, too, unless
// it is large, so that parts of the step that have nothing to do with each other do not share it; and what a
// loop touches stays alive during the next one of as many steps. A device that does one thing after the other
// has nothing of that, and its caches have more to hold.
func (p *planner) place(overlap bool) {
	w := walker{planner: p, overlap: overlap}
	w.walk(p.tape.Code)

	live := slices.Clone(p.buffers)
	for _, b := range live {
		if b.slot {
			b.first, b.last = 0, w.now
		}
	}
	sort.SliceStable(live, func(i, j int) bool { return live[i].first < live[j].first })

	a := arena{}
	var ends []*buffer // alive, by their end
	for _, b := range live {
		if b.first < 0 {
			continue // nothing touches it
		}
		for len(ends) > 0 && ends[0].last < b.first {
			a.free(p.extent(ends[0]))
			ends = ends[1:]
		}
		e := p.extent(b)
		e.at = a.take(e.n)
		p.tape.Buffers[b.id].Offset = e.at
		i := sort.Search(len(ends), func(i int) bool { return ends[i].last > b.last })
		ends = slices.Insert(ends, i, b)
	}
	p.tape.Arena = a.top
}

func (p *planner) extent(b *buffer) extent {
	t := p.tape.Buffers[b.id]
	n := int64(t.Len) * int64(t.Dtype.Size())
	return extent{t.Offset, (n + tape.Align - 1) / tape.Align * tape.Align}
}

// walker counts instructions and notes when buffers are touched.
type walker struct {
	*planner
	overlap bool
	now     int
	loops   []*enclosing
	last    *enclosing // the outermost loop that ended last
}

type enclosing struct {
	loop    *tape.Loop
	start   int
	whole   []*buffer // alive during the whole loop
	touched []*buffer // within an outermost loop
}

func (w *walker) walk(code []tape.Instr) {
	for _, in := range code {
		w.now++
		_, product := in.(*tape.Product)
		in.Refs(func(r tape.Ref, write bool) { w.touch(w.buffers[r.Buf], product && write) })
		if l, ok := in.(*tape.Loop); ok {
			e := &enclosing{loop: l, start: w.now}
			w.loops = append(w.loops, e)
			w.walk(l.Body)
			w.now++
			w.loops = w.loops[:len(w.loops)-1]
			for _, b := range e.whole {
				b.last = w.now
			}
			if w.overlap && len(w.loops) == 0 {
				w.follow(e)
			}
		}
	}
}

// follow keeps alive what the loop before an outermost loop has touched.
func (w *walker) follow(e *enclosing) {
	if w.last != nil && w.last.loop.Trip == e.loop.Trip {
		for _, b := range w.last.touched {
			b.last = max(b.last, w.now)
		}
	}
	w.last = e
}

// mostKept is how many elements the result of a product has at most that is kept from the other products of a step.
const mostKept = 1 << 18

func (w *walker) touch(b *buffer, multiplied bool) {
	at := w.now
	if len(w.loops) > 0 {
		w.loops[0].touched = append(w.loops[0].touched, b)
	}
	// The outermost enclosing loop within which b is not made anew.
	within := 0
	if b.loop != nil {
		within = 1 + slices.IndexFunc(w.loops, func(e *enclosing) bool { return e.loop == b.loop })
	}
	if w.overlap && multiplied && within == 1 && len(w.loops) == 1 && w.tape.Buffers[b.id].Len <= mostKept {
		within = 0
	}
	if within < len(w.loops) {
		e := w.loops[within]
		e.whole = append(e.whole, b)
		at = e.start
	}
	if b.first < 0 {
		b.first = at
	}
	b.last = max(b.last, w.now)
}

type extent struct{ at, n int64 }

// arena hands out extents: the smallest hole that fits, or new memory at the top.
type arena struct {
	top   int64
	holes []extent // by place, never neighbours
}

func (a *arena) take(n int64) int64 {
	best := -1
	for i, h := range a.holes {
		if h.n >= n && (best < 0 || h.n < a.holes[best].n) {
			best = i
		}
	}
	if best < 0 {
		if last := len(a.holes) - 1; last >= 0 && a.holes[last].at+a.holes[last].n == a.top { // grow the hole at the top
			at := a.holes[last].at
			a.holes = a.holes[:last]
			a.top = at + n
			return at
		}
		a.top += n
		return a.top - n
	}
	h := &a.holes[best]
	at := h.at
	h.at, h.n = h.at+n, h.n-n
	if h.n == 0 {
		a.holes = slices.Delete(a.holes, best, best+1)
	}
	return at
}

func (a *arena) free(e extent) {
	if e.n == 0 {
		return
	}
	i := sort.Search(len(a.holes), func(i int) bool { return a.holes[i].at > e.at })
	a.holes = slices.Insert(a.holes, i, e)
	if i+1 < len(a.holes) && e.at+e.n == a.holes[i+1].at {
		a.holes[i].n += a.holes[i+1].n
		a.holes = slices.Delete(a.holes, i+1, i+2)
	}
	if i > 0 && a.holes[i-1].at+a.holes[i-1].n == e.at {
		a.holes[i-1].n += a.holes[i].n
		a.holes = slices.Delete(a.holes, i, i+1)
	}
}

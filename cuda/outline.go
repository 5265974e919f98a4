package cuda

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/tape"
)

// unread reports whether nobody but members, which have computed it, reads what is in a buffer: neither by its
// name, nor through another buffer in the same place that is not written anew before. It knows outermost loops only.
func (l *lowering) unread(id tape.BufferID, members []tape.Instr) bool {
	if len(l.trips) > 1 || slices.ContainsFunc(l.tape.Slots, func(s tape.Slot) bool { return s.Buf == id }) {
		return false
	}
	if l.outline == nil {
		l.outline = newOutline(l.tape)
	}
	o := l.outline
	readers := 0
	for _, in := range members {
		if touches(in, id, false) {
			readers++
		}
	}
	if len(o.writes[id]) != 1 || len(o.reads[id]) != readers {
		return false
	}
	e := extentOf(l.tape, id)
	for other := range l.tape.Buffers {
		if x := tape.BufferID(other); x != id && extentOf(l.tape, x).overlaps(e) && !o.renewed(x, o.writes[id][0].at) {
			return false
		}
	}
	return true
}

func touches(in tape.Instr, id tape.BufferID, write bool) (yes bool) {
	in.Refs(func(r tape.Ref, w bool) { yes = yes || r.Buf == id && w == write })
	return yes
}

// An outline is where buffers are read and written, in the order of a tape whose loops run once.
type outline struct {
	tape   *tape.Tape
	reads  map[tape.BufferID][]int
	writes map[tape.BufferID][]filling
	loops  [][2]int // where outermost loops begin and end
}

// filling is an instruction that writes so many elements, others at each of some steps of its loops.
type filling struct{ at, elements, steps int }

func newOutline(t *tape.Tape) *outline {
	o := &outline{tape: t, reads: map[tape.BufferID][]int{}, writes: map[tape.BufferID][]filling{}}
	now := 0
	var walk func(code []tape.Instr, trips []int)
	walk = func(code []tape.Instr, trips []int) {
		for _, in := range code {
			from := now
			if lp, ok := in.(*tape.Loop); ok {
				walk(lp.Body, append(slices.Clip(trips), lp.Trip))
				if len(trips) == 0 {
					o.loops = append(o.loops, [2]int{from, now})
				}
				continue
			}
			seen := map[tape.BufferID]bool{}
			in.Refs(func(r tape.Ref, write bool) {
				if write {
					o.writes[r.Buf] = append(o.writes[r.Buf], filling{now, elements(in), stepsOf(r, trips)})
				} else if !seen[r.Buf] {
					seen[r.Buf] = true
					o.reads[r.Buf] = append(o.reads[r.Buf], now)
				}
			})
			now++
		}
	}
	walk(t.Code, nil)
	return o
}

// stepsOf is at how many steps of loops a place is another one.
func stepsOf(r tape.Ref, trips []int) int {
	n := 1
	for i, step := range r.Step {
		if step != 0 && i < len(trips) {
			n *= trips[i]
		}
	}
	return n
}

// elements is how many elements an instruction writes to each of its places; 0 where that is not known.
func elements(in tape.Instr) int {
	switch in := in.(type) {
	case *tape.Map:
		return volume(in.Shape)
	case *tape.Copy:
		return volume(in.Shape)
	case *tape.Product:
		if !in.Acc {
			return in.Batch * in.M * in.N
		}
	case *tape.Reduce:
		return in.Outer * in.Inner
	case *tape.Rows:
		if in.Kind == tape.CrossEntropy || in.Kind == tape.Argmax {
			return in.Rows
		}
		return in.Rows * in.Cols
	case *tape.Gather:
		return in.N * in.Width
	case *tape.ScatterAdd:
		return in.Rows * in.Width
	case *tape.Random:
		return in.N * in.Width
	}
	return 0
}

// renewed reports whether whoever reads a buffer after the instruction at finds there what was written after it,
// too.
func (o *outline) renewed(id tape.BufferID, at int) bool {
	around := [2]int{at, at}
	for _, lp := range o.loops {
		if lp[0] <= at && at < lp[1] {
			around = lp
		}
	}
	written := func(from, to int) (n int) {
		for _, w := range o.writes[id] {
			switch {
			case w.at <= from || w.at >= to:
			case around[0] <= w.at && w.at < around[1]: // what another step wrote is gone
				n += w.elements
			default:
				n += w.elements * w.steps
			}
		}
		return n
	}
	for _, k := range o.reads[id] {
		before := 0
		switch {
		case k > at:
			before = written(at, k)
		case k >= around[0]: // in the next step
			before = written(at, around[1]) + written(around[0]-1, k)
		default:
			continue
		}
		if before < o.tape.Buffers[id].Len {
			return false
		}
	}
	return true
}

package cuda

import (
	"slices"

	"github.com/unroll-ml/unroll/cuda/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// A site is an instruction that selects rows by indices, and so may meet a bad one.
//
// Where only the host writes the indices (and the mask that says which of them count), it checks them before a
// run, and the run need not be waited for. Otherwise the kernels keep the first bad index of each site in a
// word of device memory, which comes down after the run. Bad indices do no harm meanwhile: kernels neither read
// nor write what they select.
type site struct {
	instr tape.Instr
	index tape.Ref
	mask  *tape.Ref // nil: every index counts
	n     int       // indices at each step of the loops
	rows  int
	path  []int // index of the instruction in each enclosing body
	trips []int // of the enclosing loops
	hosts bool  // whether the host checks it
}

// site registers a site and returns the arguments for its kernel: the fault, see package kernel.
func (l *lowering) site(s site) []place {
	s.path, s.trips = slices.Clone(l.path), slices.Clone(l.trips)
	s.hosts = l.onlyHost(s.index.Buf) && (s.mask == nil || l.onlyHost(s.mask.Buf))
	before := place{step: make([]uint64, len(s.trips))}
	steps := 1
	for i := len(s.trips) - 1; i >= 0; i-- {
		before.step[i] = uint64(s.n * steps)
		steps *= s.trips[i]
	}
	l.fits(s.instr, s.n*steps)
	word := place{at: uint64(l.size[faults]), space: faults}
	l.size[faults] += 8
	l.sites = append(l.sites, &s)
	return []place{word, before}
}

// onlyHost reports whether the host writes the buffer, through this program, and the tape does not.
func (l *lowering) onlyHost(id tape.BufferID) bool {
	if _, common := l.common[id]; common {
		return false
	}
	return slices.ContainsFunc(l.tape.Slots, func(s tape.Slot) bool { return s.Buf == id && s.Kind == tape.Input })
}

// fault is the site's error for a word that its kernel has left, and the steps at which it happened.
func (s *site) fault(word uint64) (err *tape.IndexError, steps []int) {
	position, index := kernel.FaultAt(word)
	steps = make([]int, len(s.trips))
	for i, at := len(s.trips)-1, position/s.n; i >= 0; i-- {
		steps[i] = at % s.trips[i]
		at /= s.trips[i]
	}
	return s.error(position%s.n, int(index)), steps
}

func (s *site) error(position, index int) *tape.IndexError {
	return &tape.IndexError{Instr: s.instr.String(), Pos: position, Index: index, Rows: s.rows}
}

// before reports whether instruction a of a tape, at some steps of its loops, runs before instruction b at some
// steps of its own.
func before(pathA, stepsA, pathB, stepsB []int) bool {
	for i := range min(len(pathA), len(pathB)) {
		if pathA[i] != pathB[i] {
			return pathA[i] < pathB[i]
		}
		if i < len(stepsA) && i < len(stepsB) && stepsA[i] != stepsB[i] {
			return stepsA[i] < stepsB[i]
		}
	}
	return false
}

// firstFault is the error of the first bad index in the order of the tape, by the words of all sites.
func firstFault(sites []*site, words []uint64) error {
	var first *tape.IndexError
	var path, at []int
	for i, s := range sites {
		if words[i] == kernel.NoFault {
			continue
		}
		if err, steps := s.fault(words[i]); first == nil || before(s.path, steps, path, at) {
			first, path, at = err, s.path, steps
		}
	}
	if first == nil {
		return nil
	}
	return first
}

// A watch holds what the host has last written to buffers whose indices it checks, or of which it is asked else.
type watch struct {
	indices map[tape.BufferID][]int32
	masks   map[tape.BufferID][]bool // whether the element is not 0
	changed bool                     // since they were checked
}

func newWatch(t *tape.Tape, sites []*site, asked []tape.Ref) *watch {
	w := &watch{indices: map[tape.BufferID][]int32{}, masks: map[tape.BufferID][]bool{}, changed: true}
	for _, s := range sites {
		if !s.hosts {
			continue
		}
		w.indices[s.index.Buf] = make([]int32, t.Buffers[s.index.Buf].Len)
		if s.mask != nil {
			w.masks[s.mask.Buf] = make([]bool, t.Buffers[s.mask.Buf].Len)
		}
	}
	for _, r := range asked {
		w.masks[r.Buf] = make([]bool, t.Buffers[r.Buf].Len)
	}
	return w
}

// see takes note of what the host writes.
func (w *watch) see(id tape.BufferID, data any) {
	switch data := data.(type) {
	case []int32:
		if indices := w.indices[id]; indices != nil {
			w.changed = true
			copy(indices, data)
		}
	case []float32:
		note(w, id, data)
	case []float64:
		note(w, id, data)
	}
}

func note[T float32 | float64](w *watch, id tape.BufferID, data []T) {
	mask := w.masks[id]
	if mask == nil {
		return
	}
	w.changed = true
	for i, x := range data {
		mask[i] = x != 0
	}
}

// check is the error of the first bad index that the host can see.
func (w *watch) check(sites []*site) error {
	if !w.changed {
		return nil
	}
	var first *tape.IndexError
	var path, at []int
	for _, s := range sites {
		if !s.hosts {
			continue
		}
		if err, steps := w.checkSite(s); err != nil && (first == nil || before(s.path, steps, path, at)) {
			first, path, at = err, s.path, steps
		}
	}
	if first != nil {
		return first
	}
	w.changed = false
	return nil
}

// checkSite checks the indices of a site at every step of its loops, in order.
func (w *watch) checkSite(s *site) (err *tape.IndexError, steps []int) {
	steps = make([]int, len(s.trips))
	indices := w.indices[s.index.Buf]
	for more := true; more; more = next(steps, s.trips) {
		from := s.index.At(steps)
		for i, index := range indices[from : from+s.n] {
			if uint32(index) < uint32(s.rows) || s.mask != nil && !w.masks[s.mask.Buf][s.mask.At(steps)+i] {
				continue
			}
			return s.error(i, int(index)), steps
		}
	}
	return nil, nil
}

// next moves the steps of loops on by one; it reports false after the last.
func next(steps, trips []int) bool {
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i]++; steps[i] < trips[i] {
			return true
		}
		steps[i] = 0
	}
	return false
}

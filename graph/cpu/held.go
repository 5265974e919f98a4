package cpu

import (
	"unsafe"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// held says of which rows of a mapping nothing need be computed: all of its results are selects by one input that is the
// same along a row, and where that is 0 they are inputs, or a constant. The states of sequences that have ended are such.
type held[T kernel.Float] struct {
	condition *view
	kept      []keptResult[T] // of each output
	idle      bool            // in this run an output lies where another reads
}

// keptResult is what an output gets of a row that is held: an input, or a constant.
type keptResult[T kernel.Float] struct {
	from  *view // nil: the constant
	value T
}

// findHeld says which rows are held; nil: all are computed.
func (m *mapping[T]) findHeld() *held[T] {
	h := &held[T]{}
	inputs, condition := len(m.tape.In), -1
	for i, r := range m.tape.Result {
		if r < inputs || m.out[i].dtype != m.float || m.out[i].inner != 1 {
			return nil
		}
		op := m.tape.Code[r-inputs]
		if op.Fn != tape.Where || op.Args[0] >= inputs || condition >= 0 && op.Args[0] != condition {
			return nil
		}
		condition = op.Args[0]
		var kept keptResult[T]
		if at := op.Args[2]; at < inputs {
			if kept.from = &m.in[at]; kept.from.dtype != m.float || kept.from.inner != 1 {
				return nil
			}
		} else if c := m.tape.Code[at-inputs]; c.Fn == tape.Const {
			kept.value = T(c.Value)
		} else {
			return nil
		}
		h.kept = append(h.kept, kept)
	}
	if h.condition = &m.in[condition]; h.condition.inner != 0 {
		return nil
	}
	return h
}

// locate looks where the operands of this run lie, which the mapping has located.
func (h *held[T]) locate(m *mapping[T]) {
	h.idle = false
	for i := range m.out {
		for k, kept := range h.kept {
			h.idle = h.idle || i != k && kept.from != nil && kept.from.base == m.out[i].base
		}
	}
}

// all reports whether all of some rows are held.
func (h *held[T]) all(outer []int, row, rows int) bool {
	if h.idle {
		return false
	}
	for i := row; i < row+rows; i++ {
		switch at := h.condition.address(outer, i, 0); {
		case h.condition.dtype == tape.Int32:
			if *(*int32)(at) != 0 {
				return false
			}
		case *(*T)(at) != 0:
			return false
		}
	}
	return true
}

// keep gives outputs elements [j, j+n) of rows that are held.
func (h *held[T]) keep(m *mapping[T], row, rows, j, n int) {
	for i := range m.out {
		for r := row; r < row+rows; r++ {
			to := unsafe.Slice((*T)(m.out[i].address(m.outer, r, j)), n)
			if from := h.kept[i].from; from == nil {
				fill(to, h.kept[i].value)
			} else if x := unsafe.Slice((*T)(from.address(m.outer, r, j)), n); &x[0] != &to[0] {
				copy(to, x)
			}
		}
	}
}

package tape

import "slices"

// access is one operand of the current instruction.
type access struct {
	name  string
	ref   Ref
	write bool
	axes  []axis // those of more than one place
}

// overlaps checks the current instruction's outputs against its other operands, at the first and at the last
// step of the loops.
func (v *verifier) overlaps() {
	if v.err != nil || slices.Contains(v.trips, 0) {
		return
	}
	last := make([]int, len(v.trips))
	for i, n := range v.trips {
		last[i] = n - 1
	}
	for i, a := range v.accesses {
		for j, b := range v.accesses {
			if !a.write || i == j || b.write && j < i || v.mayCoincide(b) && v.coincide(a, b) {
				continue
			}
			for _, steps := range [][]int{make([]int, len(v.trips)), last} {
				alo, ahi := v.bytes(a, steps)
				blo, bhi := v.bytes(b, steps)
				if max(alo, blo) < min(ahi, bhi) {
					v.fail("%s overlaps %s", a.name, b.name)
					return
				}
			}
		}
	}
}

// mayCoincide reports whether the doc of the current instruction lets its output be at the same place as its input in.
func (v *verifier) mayCoincide(in access) bool {
	switch i := v.instr.(type) {
	case *Map:
		return !in.write
	case *AllReduce:
		return in.name == "in"
	case *Rows:
		return in.name == "x" && (i.Kind == Softmax || i.Kind == LogSoftmax || i.Kind == CrossEntropyGrad)
	}
	return false
}

// coincide reports whether two operands name the same places at every step.
func (v *verifier) coincide(a, b access) bool {
	ba, bb := v.tape.Buffers[a.ref.Buf], v.tape.Buffers[b.ref.Buf]
	size := int64(ba.Dtype.Size())
	if ba.Dtype.Size() != bb.Dtype.Size() || ba.Offset+int64(a.ref.Off)*size != bb.Offset+int64(b.ref.Off)*size ||
		!slices.Equal(a.axes, b.axes) {
		return false
	}
	for i := range v.trips {
		if a.ref.step(i) != b.ref.step(i) {
			return false
		}
	}
	return true
}

func (r Ref) step(depth int) int {
	if depth < len(r.Step) {
		return r.Step[depth]
	}
	return 0
}

// bytes is the stretch of the arena that a contiguous operand covers at the given steps; it is empty for others.
func (v *verifier) bytes(a access, steps []int) (lo, hi int64) {
	n := 1
	for i := len(a.axes) - 1; i >= 0; i-- {
		if a.axes[i].stride != n {
			return 0, 0
		}
		n *= a.axes[i].n
	}
	b := v.tape.Buffers[a.ref.Buf]
	size := int64(b.Dtype.Size())
	lo = b.Offset + int64(a.ref.At(steps))*size
	return lo, lo + int64(n)*size
}

package cuda

import (
	"cmp"
	"slices"

	"github.com/unroll-ml/unroll/graph/tape"
)

// dependences says which instructions of a body must not change places, within one step of its loops: by
// instruction, how many must run before it, and which must run after it.
func (l *lowering) dependences(code []tape.Instr) (earlier []int, later [][]int) {
	accesses := make([][]access, len(code))
	for i, in := range code {
		accesses[i] = l.accesses(in, len(l.trips))
	}
	earlier, later = make([]int, len(code)), make([][]int, len(code))
	for j := range code {
		for i := range j {
			if onHost(code[i]) && onHost(code[j]) || conflict(accesses[i], accesses[j]) {
				earlier[j]++
				later[i] = append(later[i], j)
			}
		}
	}
	return earlier, later
}

// onHost reports whether an instruction calls a function on the host, which may do more than the tape knows.
func onHost(in tape.Instr) bool {
	switch in.(type) {
	case *tape.Host, *tape.AllReduce:
		return true
	}
	return false
}

// access is memory that an instruction reads or writes: somewhere in an extent of the arena, or, if it is known
// better, in the stretches of run bytes that lie pitch bytes apart, the first at place, in all size bytes.
type access struct {
	extent
	write bool
	known bool
	place place
	size  int64
	run   int64
	pitch int64 // 0: there is one stretch
}

// accesses are those of an instruction within a number of loops, or of all in a loop, at any of its steps.
func (l *lowering) accesses(in tape.Instr, depth int) (as []access) {
	switch in := in.(type) {
	case *portion:
		return l.accesses(in.Instr, depth)
	case *tape.Loop:
		for _, inner := range in.Body {
			for _, a := range l.accesses(inner, depth+1) {
				as = append(as, a.throughout(depth, in.Trip))
			}
		}
		return as
	case *region:
		for _, member := range in.members {
			as = append(as, l.accesses(member, depth)...)
		}
		return as
	case *tape.Map:
		for _, o := range in.In {
			as = append(as, l.access(o, in.Shape, false))
		}
		for _, o := range in.Out {
			as = append(as, l.access(o, in.Shape, true))
		}
		return as
	case *tape.Copy:
		return []access{l.access(in.In, in.Shape, false), l.access(in.Out, in.Shape, true)}
	case *step:
		if as = l.accesses(in.Product, depth); in.cell != nil {
			as = append(as, l.accesses(in.cell, depth)...)
		}
		return as
	case *tape.Product:
		rowsA, colsA, rowsB, colsB := in.M, in.K, in.K, in.N
		if in.TransA {
			rowsA, colsA = colsA, rowsA
		}
		if in.TransB {
			rowsB, colsB = colsB, rowsB
		}
		matrices := func(r tape.Ref, rows, cols, ld, stride int, write bool) access {
			return l.access(tape.Operand{Ref: r, Strides: []int{stride, ld, 1}}, []int{in.Batch, rows, cols}, write)
		}
		return []access{
			matrices(in.A, rowsA, colsA, in.LdA, in.StrideA, false), matrices(in.B, rowsB, colsB, in.LdB, in.StrideB, false),
			matrices(in.C, in.M, in.N, in.LdC, in.StrideC, true),
		}
	}
	in.Refs(func(r tape.Ref, write bool) {
		as = append(as, access{extent: extentOf(l.tape, r.Buf), write: write})
	})
	return as
}

// throughout is the access at any step of the loop at a depth.
func (a access) throughout(depth, trip int) access {
	step := int64(at(a.place.step, depth))
	if !a.known || step == 0 || trip < 2 {
		return a
	}
	far := step * int64(trip-1)
	if far < 0 { // from the other end
		a.place.at += uint64(far)
		step, far = -step, -far
	}
	switch {
	case a.pitch > 0 && step%a.pitch == 0: // more stretches like those of one step
	case a.pitch == 0 && step > a.size:
		a.run, a.pitch = a.size, step
	default:
		a.run, a.pitch = a.size+far, 0
	}
	a.size += far
	a.place.step = slices.Clone(a.place.step)
	a.place.step[depth] = 0
	return a
}

// access is that of a strided operand.
func (l *lowering) access(o tape.Operand, shape []int, write bool) access {
	a := access{extent: extentOf(l.tape, o.Buf), write: write, known: true, place: l.place(o.Ref)}
	size := int64(l.tape.Buffers[o.Buf].Dtype.Size())
	type axis struct{ n, stride int64 }
	var axes []axis
	for i, n := range shape {
		stride := int64(o.Strides[i]) * size
		if n == 1 || stride == 0 {
			continue
		}
		if stride < 0 { // from the other end
			a.place.at += uint64(int64(n-1) * stride)
			stride = -stride
		}
		axes = append(axes, axis{int64(n), stride})
	}
	slices.SortFunc(axes, func(x, y axis) int { return cmp.Compare(x.stride, y.stride) })
	a.run, a.size = size, size
	regular := true
	for _, x := range axes {
		reach := (x.n - 1) * x.stride
		a.size += reach
		switch {
		case a.pitch == 0 && x.stride <= a.run:
			a.run += reach
		case a.pitch == 0:
			a.pitch = x.stride
		default:
			regular = regular && x.stride%a.pitch == 0
		}
	}
	if !regular {
		a.run, a.pitch = a.size, 0
	}
	return a
}

// conflict reports whether one of two instructions may write what the other reads or writes.
func conflict(as, bs []access) bool {
	for _, a := range as {
		for _, b := range bs {
			if (a.write || b.write) && a.overlaps(b.extent) && !a.apart(b) {
				return true
			}
		}
	}
	return false
}

// apart reports whether two accesses are known to touch different bytes at every step.
func (a access) apart(b access) bool {
	if !a.known || !b.known || !sameSteps(a.place.step, b.place.step) {
		return false
	}
	distance := int64(b.place.at - a.place.at)
	if distance >= a.size || -distance >= b.size {
		return true
	}
	if a.pitch == 0 || a.pitch != b.pitch {
		return false
	}
	d := (distance%a.pitch + a.pitch) % a.pitch
	return d >= a.run && d+b.run <= a.pitch
}

// sameSteps reports whether two places move alike; steps that are missing are 0.
func sameSteps(a, b []uint64) bool {
	for i := range max(len(a), len(b)) {
		if at(a, i) != at(b, i) {
			return false
		}
	}
	return true
}

func at(steps []uint64, i int) uint64 {
	if i < len(steps) {
		return steps[i]
	}
	return 0
}

package cuda

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/tape"
)

// Loops whose steps depend on each other one by one, such as the layers of a model, can run side by side: while
// one does a stretch of its steps, the next does the stretch before. For that the loops are cut into such
// stretches, and what stands between them, a product of all steps with one matrix, into the rows of each
// stretch.

// stretch is about how many steps run between two points at which loops wait for each other.
const stretch = 10

// A portion is some of the steps of a loop, or some of the rows of a Product or a Map.
type portion struct {
	tape.Instr
	of tape.Instr
}

// cut puts portions in the place of instructions between which loops can run side by side. Their order stays
// that of the tape.
func (l *lowering) cut(code []tape.Instr) []tape.Instr {
	trips := make([]int, len(code)) // of the loop with which an instruction is cut; 0: it is not
	for i, in := range code {
		first, ok := in.(*tape.Loop)
		if !ok || !divisible(first) {
			continue
		}
		flow := moving(first.Body, true)
		var between []int // rows follow from rows of the first loop
		for j := i + 1; j < len(code); j++ {
			if next, ok := code[j].(*tape.Loop); ok {
				if next.Trip != first.Trip || !divisible(next) || !follows(next, flow) {
					continue
				}
				trips[i], trips[j] = first.Trip, first.Trip
				for _, k := range between {
					trips[k] = first.Trip
				}
			} else if from, to, ok := rowwise(code[j], first.Trip); ok {
				if at := slices.IndexFunc(from, func(b tape.BufferID) bool { return flow[b] != 0 }); at >= 0 {
					between = append(between, j)
					for _, b := range to {
						flow[b] = flow[from[at]]
					}
				}
			}
		}
	}
	var out []tape.Instr
	for i, in := range code {
		if trips[i] == 0 {
			out = append(out, in)
			continue
		}
		n := (trips[i] + stretch - 1) / stretch
		for k := range n {
			out = append(out, &portion{part(in, trips[i], k*trips[i]/n, (k+1)*trips[i]/n), in})
		}
	}
	return out
}

// divisible reports whether the steps of a loop can be shared out to several loops, and are many enough.
func divisible(lp *tape.Loop) bool {
	return lp.Trip >= 2*stretch && stepwise(lp.Body)
}

// stepwise reports whether no instruction of a loop calls the host, or reports the step at which it met a bad index.
func stepwise(body []tape.Instr) bool {
	ok := true
	every(body, func(in tape.Instr) {
		switch in := in.(type) {
		case *tape.Product, *tape.Map, *tape.Copy, *tape.Reduce, *tape.Random:
		case *tape.Rows:
			ok = ok && in.Kind != tape.CrossEntropy && in.Kind != tape.CrossEntropyGrad
		default:
			ok = false
		}
	})
	return ok
}

// moving are the buffers that each step of an outermost loop writes, or reads, at another place, and whether it
// moves up (1) or down (-1).
func moving(body []tape.Instr, written bool) map[tape.BufferID]int {
	to := map[tape.BufferID]int{}
	every(body, func(in tape.Instr) {
		in.Refs(func(r tape.Ref, write bool) {
			if write != written || len(r.Step) == 0 {
				return
			}
			switch s := r.Step[0]; {
			case s > 0:
				to[r.Buf] = 1
			case s < 0:
				to[r.Buf] = -1
			}
		})
	})
	return to
}

// follows reports whether the steps of a loop read, in the same direction, what flows there.
func follows(lp *tape.Loop, flow map[tape.BufferID]int) bool {
	for b, direction := range moving(lp.Body, false) {
		if flow[b] == direction {
			return true
		}
	}
	return false
}

// rowwise gives what an instruction reads and writes of which the rows of one step, of trip, make those of one step.
func rowwise(in tape.Instr, trip int) (from, to []tape.BufferID, ok bool) {
	switch in := in.(type) {
	case *tape.Product:
		return []tape.BufferID{in.A.Buf}, []tape.BufferID{in.C.Buf}, in.Batch == 1 && !in.TransA && in.M%trip == 0 && in.M > 0
	case *tape.Map:
		if len(in.Shape) == 0 || in.Shape[0]%trip != 0 || in.Shape[0] == 0 ||
			slices.ContainsFunc(in.Code, func(op tape.Op) bool { return op.Fn == tape.Iota && op.Axis == 0 }) {
			return nil, nil, false
		}
		for _, o := range in.In {
			from = append(from, o.Buf)
		}
		for _, o := range in.Out {
			to = append(to, o.Buf)
		}
		return from, to, true
	}
	return nil, nil, false
}

// part is what an instruction does in steps from to end, of trip.
func part(in tape.Instr, trip, from, end int) tape.Instr {
	switch in := in.(type) {
	case *tape.Loop:
		return &tape.Loop{Trip: end - from, Body: later(in.Body, from)}
	case *tape.Product:
		p, rows := *in, in.M/trip
		p.M = rows * (end - from)
		p.A.Off += rows * from * in.LdA
		p.C.Off += rows * from * in.LdC
		return &p
	case *tape.Map:
		m, rows := *in, in.Shape[0]/trip
		m.Shape = slices.Clone(in.Shape)
		m.Shape[0] = rows * (end - from)
		down := func(o tape.Operand) tape.Operand {
			o.Off += rows * from * o.Strides[0]
			return o
		}
		m.In, m.Out = mapped(in.In, down), mapped(in.Out, down)
		return &m
	}
	return in
}

// later is the body of a loop that begins at a later step of the outermost one.
func later(body []tape.Instr, step int) []tape.Instr {
	at := func(r tape.Ref) tape.Ref {
		if len(r.Step) > 0 {
			r.Off += step * r.Step[0]
		}
		return r
	}
	operand := func(o tape.Operand) tape.Operand { return tape.Operand{Ref: at(o.Ref), Strides: o.Strides} }
	return mapped(body, func(in tape.Instr) tape.Instr {
		switch in := in.(type) {
		case *tape.Loop:
			return &tape.Loop{Trip: in.Trip, Body: later(in.Body, step)}
		case *tape.Product:
			p := *in
			p.A, p.B, p.C = at(in.A), at(in.B), at(in.C)
			return &p
		case *tape.Map:
			m := *in
			m.In, m.Out = mapped(in.In, operand), mapped(in.Out, operand)
			return &m
		case *tape.Copy:
			return &tape.Copy{Shape: in.Shape, In: operand(in.In), Out: operand(in.Out)}
		case *tape.Reduce:
			r := *in
			r.In, r.Out = at(in.In), at(in.Out)
			return &r
		case *tape.Random:
			r := *in
			r.Keys, r.Out = at(in.Keys), at(in.Out)
			return &r
		case *tape.Rows:
			r := *in
			r.In, r.Out = mapped(in.In, at), at(in.Out)
			return &r
		}
		return in
	})
}

func mapped[T any](xs []T, f func(T) T) []T {
	ys := make([]T, len(xs))
	for i, x := range xs {
		ys[i] = f(x)
	}
	return ys
}

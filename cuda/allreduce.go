package cuda

import (
	"slices"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Sums lets a collective add up what Float32 tapes have to sum (tape.AllReduce), in place of their own functions: on the
// GPU, in the stream, so that the host waits for nothing. The collective is of the GPU, and Close closes it; all ranks must
// run equal tapes in the same order.
//
// guard, if it is not nil, is called before each call of a program that may wait for other ranks, and what it gives when
// the call is over: nobody else sees that it waits.
func Sums(c driver.Collective, guard func() (done func())) Option {
	return func(d *Device) { d.collective, d.guard = c, guard }
}

// allReduce is a tape.AllReduce that a collective makes. It is not captured: whether it is must be the same on all ranks,
// and a rank whose GPU does not record a run goes on without. What lies between two of them is a graph.
type allReduce struct {
	in, out place
	n       int
	always  bool
	when    tape.Ref // else it depends on what the host has written there
}

// allReduce makes the work of a tape.AllReduce: that of a host function if the device has no collective, or if only the GPU
// would know whether sums are to be made.
func (l *lowering) allReduce(in *tape.AllReduce) []work {
	w := &allReduce{in: l.place(in.In), out: l.place(in.Out), n: in.N, when: in.When}
	when, constant := l.constant(in, in.When)
	w.always = constant && when != 0
	known := w.always || l.onlyHost(in.When.Buf)
	if !l.collective || !known || l.float != elem(tape.Float32) || len(l.trips) > 0 {
		return l.host(in.Host())
	}
	if !w.always {
		l.asked = append(l.asked, w.when)
	}
	return []work{w}
}

// constant is the number at r when an instruction of the tape itself reads it, if that is the same in all runs.
func (l *lowering) constant(reader tape.Instr, r tape.Ref) (x float64, is bool) {
	for i := slices.Index(l.tape.Code, reader) - 1; i >= 0; i-- {
		written := l.writes(l.tape.Code[i], i, nil)
		if !slices.ContainsFunc(written, func(w writing) bool { return w.overlaps(extentOf(l.tape, r.Buf)) }) {
			continue
		}
		m, ok := l.tape.Code[i].(*tape.Map)
		if !ok {
			return 0, false
		}
		for k, out := range m.Out {
			op := m.Result[k] - len(m.In)
			if out.Buf == r.Buf && out.Off == r.Off && op >= 0 && m.Code[op].Fn == tape.Const {
				return m.Code[op].Value, true
			}
		}
		return 0, false
	}
	return 0, false
}

func (a *allReduce) put(m *machine) error {
	to, from := m.address(&a.out), m.address(&a.in)
	if a.always || m.watch.masks[a.when.Buf][a.when.Off] {
		return m.collective.Sum(m.stream, to, from, a.n)
	}
	if to == from {
		return nil
	}
	return m.stream.Copy(to, from, 4*int64(a.n))
}

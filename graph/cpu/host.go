package cpu

import (
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

// host is a tape.Host. The function sees the arena itself.
type host struct {
	tape    *tape.Host
	in, out []hostArg
	ins     []any
	outs    []any
}

type hostArg struct {
	place
	dtype tape.Dtype
	n     int
}

func (l *loader[T]) host(h *tape.Host) []step {
	args := func(as []tape.HostArg) (hs []hostArg) {
		for _, a := range as {
			hs = append(hs, hostArg{newPlace(l.tape, a.Ref), l.tape.Buffers[a.Buf].Dtype, volume(a.Shape)})
		}
		return hs
	}
	return []step{&host{
		tape: h, in: args(h.In), out: args(h.Out),
		ins: make([]any, len(h.In)), outs: make([]any, len(h.Out)),
	}}
}

func (h *host) run(m *machine) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.Errorf("cpu: host function %s panicked: %v", h.tape.Name, r)
		}
	}()
	bindArgs(m, h.ins, h.in)
	bindArgs(m, h.outs, h.out)
	if err := h.tape.Fn(h.outs, h.ins); err != nil {
		return errors.WithMessagef(err, "cpu: host function %s", h.tape.Name)
	}
	return nil
}

// bindArgs makes the arguments' slices, unless they are there and stay in place.
func bindArgs(m *machine, to []any, args []hostArg) {
	for i := range args {
		a := &args[i]
		if to[i] != nil && len(a.step) == 0 {
			continue
		}
		switch a.dtype {
		case tape.Float32:
			to[i] = elements[float32](m, &a.place, a.n)
		case tape.Float64:
			to[i] = elements[float64](m, &a.place, a.n)
		case tape.Int32:
			to[i] = elements[int32](m, &a.place, a.n)
		}
	}
}

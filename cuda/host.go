package cuda

import (
	"unsafe"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

// host is a tape.Host. Its arguments come down into pinned memory, which the function works on; then its results go up.
type host struct {
	tape    *tape.Host
	in, out []hostArg
	ins     []any
	outs    []any
}

type hostArg struct {
	place
	dtype  tape.Dtype
	n      int
	pinned []byte
}

func (l *lowering) host(h *tape.Host) []work {
	args := func(as []tape.HostArg) (hs []hostArg) {
		for _, a := range as {
			hs = append(hs, hostArg{place: l.place(a.Ref), dtype: l.tape.Buffers[a.Buf].Dtype, n: volume(a.Shape)})
		}
		return hs
	}
	w := &host{tape: h, in: args(h.In), out: args(h.Out), ins: make([]any, len(h.In)), outs: make([]any, len(h.Out))}
	l.hosts = append(l.hosts, w)
	return []work{w}
}

// pin gives the arguments their pinned memory.
func (h *host) pin(take func(bytes int) []byte) {
	bind := func(args []hostArg, to []any) {
		for i := range args {
			a := &args[i]
			a.pinned = take(a.n * a.dtype.Size())
			to[i] = slice(a.dtype, a.pinned, a.n)
		}
	}
	bind(h.in, h.ins)
	bind(h.out, h.outs)
}

// pinnedBytes is how much pinned memory the arguments need.
func (h *host) pinnedBytes() int {
	n := 0
	for _, args := range [][]hostArg{h.in, h.out} {
		for _, a := range args {
			n += pinnedSize(a.n * a.dtype.Size())
		}
	}
	return n
}

// slice is memory as n elements.
func slice(d tape.Dtype, mem []byte, n int) any {
	p := unsafe.Pointer(unsafe.SliceData(mem))
	switch d {
	case tape.Float32:
		return unsafe.Slice((*float32)(p), n)
	case tape.Float64:
		return unsafe.Slice((*float64)(p), n)
	}
	return unsafe.Slice((*int32)(p), n)
}

func (h *host) put(m *machine) error {
	if err := m.stream.Sync(); err != nil { // the results of the call before are up, too
		return err
	}
	for i := range h.in {
		if a := &h.in[i]; len(a.pinned) > 0 {
			if err := m.stream.Download(a.pinned, m.address(&a.place)); err != nil {
				return err
			}
		}
	}
	if err := m.stream.Sync(); err != nil {
		return err
	}
	if err := m.faults(); err != nil {
		return err
	}
	for _, a := range h.out {
		clear(a.pinned)
	}
	m.Unlock() // the function may take its time, or use the device itself
	err := h.call()
	m.Lock()
	if err != nil {
		return err
	}
	for i := range h.out {
		if a := &h.out[i]; len(a.pinned) > 0 {
			if err := m.stream.Upload(m.address(&a.place), a.pinned); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *host) call() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.Errorf("host function %s panicked: %v", h.tape.Name, r)
		}
	}()
	return errors.WithMessagef(h.tape.Fn(h.outs, h.ins), "host function %s", h.tape.Name)
}

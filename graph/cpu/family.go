package cpu

import (
	"sync"
	"unsafe"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// A family is the memory of programs that take turns, the slots that they have in common, and these slots packed.
type family struct {
	*turns
	names  map[string]bool // of the slots in common
	common map[string]*cell
	packs  map[commonPack]*shelf
}

// turns is a block for what a run needs and nobody reads afterwards, as large as the largest program wants it. It is
// locked while a program runs.
type turns struct {
	sync.Mutex
	block []byte
}

// commonPack tells packed operands apart that lie in slots in common.
type commonPack struct {
	name    string // of the slot
	off     int
	step    string
	operand operand
}

// A shelf is a *store, and how many programs use it.
type shelf struct {
	store any
	users int
}

// take gives the store of an operand for one more program.
func take[T kernel.Float](f *family, k commonPack) *store[T] {
	f.Lock()
	defer f.Unlock()
	s := f.packs[k]
	if s == nil {
		s = &shelf{store: &store[T]{}}
		f.packs[k] = s
	}
	s.users++
	of, ok := s.store.(*store[T])
	if !ok { // of the other type: settleSlots says that this cannot be
		return &store[T]{}
	}
	return of
}

// settlePacks gives packed operands their memory, while no other program does.
func (f *family) settlePacks(settle func()) {
	if f != nil {
		f.Lock()
		defer f.Unlock()
	}
	settle()
}

// release gives stores back that a program has taken.
func (f *family) release(taken []commonPack) {
	if f == nil {
		return
	}
	f.Lock()
	defer f.Unlock()
	for _, k := range taken {
		s := f.packs[k]
		if s.users--; s.users == 0 {
			delete(f.packs, k)
		}
	}
}

// A cell is a slot that programs have in common.
type cell struct {
	dtype   tape.Dtype
	memory  []byte
	written uint64 // how often the host or a run has written it
}

// Share implements tape.Sharer.
func (d *device) Share(common map[string]bool) tape.Device {
	shared := *d
	shared.family = &family{turns: &turns{}, names: common, common: map[string]*cell{}, packs: map[commonPack]*shelf{}}
	if d.family != nil {
		shared.family.turns = d.family.turns
	}
	return &shared
}

// A work is what a program needs while it runs, and nobody reads afterwards.
type work struct {
	bytes  int
	claims []func(block unsafe.Pointer)
}

// claim adds n elements to a work. settle is told where they are, whenever that changes.
func claim[T any](w *work, n int, settle func(at *T)) {
	var t T
	at := w.bytes
	w.bytes = roundUp(at+n*int(unsafe.Sizeof(t)), tape.Align)
	w.claims = append(w.claims, func(block unsafe.Pointer) { settle((*T)(unsafe.Add(block, at))) })
}

// in makes block the memory of a work.
func (w *work) in(block unsafe.Pointer) {
	for _, settle := range w.claims {
		settle(block)
	}
}

// settle gives a program that was just made its memory.
func (p *program) settle(w *work) error {
	t, m := p.tape, p.m
	writes := make([]uint64, len(t.Buffers))
	for i := range m.written {
		m.written[i] = &writes[i]
	}
	if p.family == nil {
		p.claimArena(w)
		w.in(unsafe.Pointer(unsafe.SliceData(alignedBytes(w.bytes))))
		return nil
	}
	p.family.Lock()
	defer p.family.Unlock()
	if err := p.settleSlots(); err != nil {
		return err
	}
	p.claimArena(w)
	p.work = w
	if len(p.family.block) < w.bytes {
		p.family.block = nil // it may go before the larger one comes
		p.family.block = alignedBytes(w.bytes)
	}
	return nil
}

// claimArena adds the buffers to a work that have no place yet, as the tape arranges them.
func (p *program) claimArena(w *work) {
	t, m := p.tape, p.m
	var rest []int
	first := t.Arena
	for i, b := range t.Buffers {
		if m.at[i] == nil {
			rest, first = append(rest, i), min(first, b.Offset)
		}
	}
	claim(w, int(t.Arena-first), func(arena *byte) {
		for _, i := range rest {
			m.at[i] = unsafe.Add(unsafe.Pointer(arena), t.Buffers[i].Offset-first)
		}
	})
}

// settleSlots gives the slots their places: memory of their own, or that of the family.
func (p *program) settleSlots() error {
	t, m, f := p.tape, p.m, p.family
	if err := t.Separable(); err != nil {
		return errors.WithMessage(err, "cpu: load")
	}
	for _, s := range t.Slots {
		b := t.Buffers[s.Buf]
		bytes := b.Len * b.Dtype.Size()
		if s.Kind == tape.Output || !f.names[s.Name] {
			if m.at[s.Buf] == nil {
				m.at[s.Buf] = unsafe.Pointer(unsafe.SliceData(alignedBytes(bytes)))
			}
			continue
		}
		c := f.common[s.Name]
		switch {
		case c == nil:
			c = &cell{dtype: b.Dtype, memory: alignedBytes(bytes)}
			f.common[s.Name] = c
		case c.dtype != b.Dtype || len(c.memory) != bytes:
			return errors.Errorf("cpu: load: slot %q is %v%v, and %d bytes of %v in another program: what programs have in "+
				"common must be of one type", s.Name, b.Dtype, s.Shape, len(c.memory), c.dtype)
		}
		m.at[s.Buf], m.written[s.Buf] = unsafe.Pointer(unsafe.SliceData(c.memory)), &c.written
		if s.Kind == tape.State {
			p.common = append(p.common, &c.written)
		}
	}
	return nil
}

// enter makes the family's block the memory of a program that is about to run. The states that it has in common
// will have changed.
func (p *program) enter() {
	if block := unsafe.Pointer(unsafe.SliceData(p.family.block)); p.base != block {
		p.work.in(block)
		p.base = block
	}
	for _, written := range p.common {
		*written++
	}
}

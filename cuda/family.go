package cuda

import (
	"sync"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/graph/tape"
)

// A family is the device memory of programs that take turns: a block for what a run needs and nobody reads
// afterwards, as large as the largest program wants it, and the slots that they have in common. It is locked
// while one of them runs.
//
// When the last program is closed all of it is given back, and what they had in common is forgotten.
type family struct {
	sync.Mutex
	names    map[string]bool // of the slots in common
	common   map[string]*cell
	block    driver.Ptr // 0: there is none
	bytes    int64      // of the block
	programs int        // that are open
}

// A cell is a slot that programs have in common.
type cell struct {
	dtype tape.Dtype
	n     int // elements
	at    driver.Ptr
}

// Share implements tape.Sharer. What the programs have in common takes memory until the last of them is closed.
func (d *Device) Share(common map[string]bool) tape.Device {
	return &Device{engine: d.engine, family: &family{names: common, common: map[string]*cell{}}}
}

// load makes a program of the family.
func (f *family) load(d *engine, l *lowering) (p *program, err error) {
	f.Lock()
	defer f.Unlock()
	defer func() {
		if p == nil && f.programs == 0 {
			f.close(d.gpu) // the first error says more
		}
	}()
	if err := l.tape.Separable(); err != nil {
		return nil, err
	}
	if err := f.settleSlots(d, l); err != nil {
		return nil, err
	}
	if err := l.lower(); err != nil {
		return nil, err
	}
	if p, err = d.start(l, f); err != nil {
		return nil, err
	}
	f.programs++
	return p, nil
}

// settleSlots gives the slots of a tape their places: those in common, and memory of the program's own.
func (f *family) settleSlots(d *engine, l *lowering) error {
	t := l.tape
	l.homes, l.common = map[tape.BufferID]place{}, map[tape.BufferID]place{}
	for _, s := range t.Slots {
		if s.Kind == tape.Output || !f.names[s.Name] {
			continue
		}
		c, err := f.cell(d, t, s)
		if err != nil {
			return err
		}
		l.common[s.Buf] = place{at: uint64(c.at)}
		l.homes[s.Buf] = l.common[s.Buf]
	}
	for _, s := range t.Slots {
		if _, ok := l.homes[s.Buf]; !ok {
			b := t.Buffers[s.Buf]
			l.homes[s.Buf] = l.have(b.Len * b.Dtype.Size())
		}
	}
	l.first = t.Arena
	for i, b := range t.Buffers {
		if _, ok := l.homes[tape.BufferID(i)]; !ok {
			l.first = min(l.first, b.Offset)
		}
	}
	return nil
}

// cell is that of a slot; a new one is zero.
func (f *family) cell(d *engine, t *tape.Tape, s tape.Slot) (*cell, error) {
	b := t.Buffers[s.Buf]
	if c := f.common[s.Name]; c != nil {
		if c.dtype != b.Dtype || c.n != b.Len {
			return nil, errors.Errorf("slot %q is %v%v, and %d elements of %v in another program: what programs have in "+
				"common must be of one type",
				s.Name, b.Dtype, s.Shape, c.n, c.dtype)
		}
		return c, nil
	}
	bytes := max(roundUp(int64(b.Len*b.Dtype.Size())), alignment)
	at, err := d.gpu.Alloc(bytes)
	if err != nil {
		return nil, err
	}
	c := &cell{dtype: b.Dtype, n: b.Len, at: at}
	f.common[s.Name] = c
	d.queue.Lock()
	defer d.queue.Unlock()
	if err := d.queue.ready(d.gpu, false, 0); err != nil {
		return nil, err
	}
	return c, d.queue.stream.Clear(at, bytes)
}

// enter makes the block the memory of a program that is about to run. The caller has the turn.
func (f *family) enter(p *program) error {
	if f.bytes < p.needs {
		if err := f.grow(p); err != nil {
			return err
		}
	}
	if p.block == f.block {
		return nil
	}
	return p.settle(f.block)
}

// grow makes the block as large as a program needs it. Where memory does not suffice, the others have the old
// one again, or make it anew when they run.
func (f *family) grow(p *program) error {
	if err := p.m.stream.Sync(); err != nil { // the others' work
		return err
	}
	before := f.bytes
	if err := f.drop(p.device.gpu); err != nil { // it may go before the larger one comes
		return err
	}
	err := f.take(p.device.gpu, p.needs)
	if err != nil && before > 0 {
		var full *driver.MemoryError
		if again := f.take(p.device.gpu, before); again != nil && !errors.As(again, &full) {
			return again
		}
	}
	return err
}

func (f *family) take(gpu driver.GPU, bytes int64) error {
	at, err := gpu.Alloc(bytes)
	if err == nil {
		f.block, f.bytes = at, bytes
	}
	return err
}

// drop gives the block back.
func (f *family) drop(gpu driver.GPU) error {
	at := f.block
	if f.block, f.bytes = 0, 0; at == 0 {
		return nil
	}
	return gpu.Release(at)
}

// leave is told when a program was closed.
func (f *family) leave(gpu driver.GPU) error {
	if f.programs--; f.programs > 0 {
		return nil
	}
	return f.close(gpu)
}

// close gives all memory back.
func (f *family) close(gpu driver.GPU) error {
	first := f.drop(gpu)
	for _, c := range f.common {
		if err := gpu.Release(c.at); first == nil {
			first = err
		}
	}
	clear(f.common)
	return first
}

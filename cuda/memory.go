package cuda

import (
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/graph/tape"
)

// lasting are the spaces that stay as they are between runs, passing those that other programs of a family may
// have meanwhile.
var (
	lasting = []space{faults, own}
	passing = []space{arena, scratch, second}
)

// layOut puts spaces one behind the other, from 0 on, and returns how long they are together.
func (l *lowering) layOut(which []space) (at [spaces]uint64, bytes int64) {
	for _, s := range which {
		at[s] = uint64(bytes)
		bytes += roundUp(l.size[s])
	}
	return at, bytes
}

// reserve gives the program its memory: all of it, or what it does not have in turns with its family.
func (p *program) reserve(l *lowering) error {
	var stays int64
	p.m.base, stays = l.layOut(lasting)
	p.offsets, p.needs = l.layOut(passing)
	p.needs = max(p.needs, alignment) // so that it is somewhere
	if stays+p.needs > maxMemory {
		return errors.Errorf("%d bytes are more than any GPU has", stays+p.needs)
	}
	bytes := stays
	if p.family == nil {
		bytes += p.needs
	}
	gpu := p.device.gpu
	memory, err := gpu.Alloc(max(bytes, alignment))
	if err != nil {
		return err
	}
	p.closers = append(p.closers, func() error { return gpu.Release(memory) })
	for _, s := range lasting {
		p.m.base[s] += uint64(memory)
	}
	for _, s := range l.tape.Slots {
		p.slots[s.Buf] = l.home(s.Buf)
	}
	if err := p.pin(l); err != nil {
		return err
	}
	if p.family != nil {
		if err := p.clear(own, l.size[own]); err != nil {
			return err
		}
		return p.family.enter(p)
	}
	if err := p.settle(memory + driver.Ptr(stays)); err != nil {
		return err
	}
	return p.clear(arena, roundUp(l.tape.Arena))
}

// clear fills the beginning of a space with zeros.
func (p *program) clear(s space, bytes int64) error {
	if bytes == 0 {
		return nil
	}
	return p.m.stream.Clear(driver.Ptr(p.m.base[s]), bytes)
}

// settle makes block the memory that the program needs while it runs. What it has captured is of no use then.
func (p *program) settle(block driver.Ptr) error {
	p.block = block
	for _, s := range passing {
		p.m.base[s] = uint64(block) + p.offsets[s]
	}
	for _, t := range p.tables {
		if err := p.others.upload(p.m.address(&t.at), t.bytes(&p.m.base)); err != nil {
			return err
		}
	}
	return p.forget()
}

// maxMemory guards against a nonsensical size.
const maxMemory = 1 << 40

// pin reserves pinned memory: for the words of faults, for each input, for everything else, for host functions.
func (p *program) pin(l *lowering) error {
	other := 0
	bytes := 0
	p.inputs = map[tape.BufferID]*stage{}
	for _, s := range l.tape.Slots {
		n := l.tape.Buffers[s.Buf].Len * l.tape.Buffers[s.Buf].Dtype.Size()
		other = max(other, n)
		if s.Kind == tape.Input && p.inputs[s.Buf] == nil {
			p.inputs[s.Buf] = &stage{stream: p.m.stream}
			bytes += 2 * halfBytes(n)
		}
	}
	for _, t := range l.tables {
		other = max(other, len(t.bytes(&p.m.base)))
	}
	bytes += pinnedSize(8*len(p.sites)) + 2*halfBytes(other)
	for _, h := range l.hosts {
		bytes += h.pinnedBytes()
	}
	pinned, err := p.device.gpu.AllocHost(max(bytes, alignment))
	if err != nil {
		return err
	}
	p.closers = append(p.closers, func() error { return p.device.gpu.ReleaseHost(pinned) })
	left := pinned
	take := func(n int) []byte {
		piece := left[:n:n]
		left = left[pinnedSize(n):]
		return piece
	}
	p.pinned, p.words = take(8*len(p.sites)), make([]uint64, len(p.sites))
	p.others = &stage{stream: p.m.stream}
	fill := func(s *stage, n int) error {
		for i := range s.halves {
			done, err := p.device.gpu.NewEvent()
			if err != nil {
				return err
			}
			p.closers = append(p.closers, done.Close)
			s.halves[i] = half{take(halfBytes(n)), done}
		}
		return nil
	}
	for id, s := range p.inputs {
		if err := fill(s, l.tape.Buffers[id].Len*l.tape.Buffers[id].Dtype.Size()); err != nil {
			return err
		}
	}
	for _, h := range l.hosts {
		h.pin(take)
	}
	return fill(p.others, other)
}

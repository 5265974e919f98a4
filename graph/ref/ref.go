// Package ref is the reference device: it runs tapes with plain loops that are meant to be obviously right, and
// every other device is tested against it.
//
// Each element is computed in the tape's float type, as package tape says, but a device may compute sums and
// functions in any way that is accurate; ref computes them in float64 and rounds once: the accumulations of
// Product, Reduce and Rows, and the transcendental functions of Map. ScatterAdd, whose order of additions is
// fixed, adds in the tape's type, and so does Product where its operands are rounded to bfloat16.
//
// ref knows nothing of the compiler that writes tapes, and nothing of other devices.
package ref

import (
	"fmt"
	"math"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

// An Option changes how the device runs tapes.
type Option func(*device)

// Poison fills all memory that a tape must write before it reads it with NaN (Int32: math.MaxInt32) before each
// run, so that the use of an uninitialised value shows in the results. Inputs and states are left alone.
func Poison() Option { return func(d *device) { d.poison = true } }

// BFloat16 rounds the operands of the products of Float32 tapes to bfloat16, and adds their terms in float32 in the
// order that docs/architecture.md says.
func BFloat16() Option { return func(d *device) { d.rounds = true } }

// New returns the reference device.
func New(opts ...Option) tape.Device {
	d := &device{}
	for _, o := range opts {
		o(d)
	}
	return d
}

type device struct{ poison, rounds bool }

func (*device) Name() string { return "ref" }

// maxArena guards against a nonsensical size, which make would answer with a panic.
const maxArena = 1 << 40

func (d *device) Load(t *tape.Tape) (tape.Program, error) {
	if err := tape.Verify(t); err != nil {
		if u := (*tape.UnsupportedError)(nil); errors.As(err, &u) {
			u.Device = d.Name()
		}
		return nil, errors.Wrap(err, "ref")
	}
	if t.Arena > maxArena {
		return nil, errors.Errorf("ref: an arena of %d bytes is larger than memory", t.Arena)
	}
	a := newArena(t)
	if t.Float == tape.Float64 {
		return &program[float64]{tape: t, arena: a, poison: d.poison}, nil
	}
	return &program[float32]{tape: t, arena: a, poison: d.poison, rounds: d.rounds}, nil
}

type float interface{ float32 | float64 }

// program is a loaded tape whose float type is F.
type program[F float] struct {
	tape   *tape.Tape
	arena  *arena // nil once closed
	poison bool
	rounds bool // the operands of products; F is float32
}

func (p *program[F]) Close() error {
	p.arena = nil
	return nil
}

func (p *program[F]) Write(s tape.SlotID, data any) error {
	if err := p.checkSlot(s); err != nil {
		return errors.Wrap(err, "ref: write")
	}
	slot := &p.tape.Slots[s]
	if slot.Kind == tape.Output {
		return errors.Errorf("ref: write: slot %q is an output, which only the tape writes", slot.Name)
	}
	return errors.Wrap(p.transfer(slot, data, true), "ref: write")
}

func (p *program[F]) Read(s tape.SlotID, data any) error {
	if err := p.checkSlot(s); err != nil {
		return errors.Wrap(err, "ref: read")
	}
	return errors.Wrap(p.transfer(&p.tape.Slots[s], data, false), "ref: read")
}

func (p *program[F]) checkSlot(s tape.SlotID) error {
	if p.arena == nil {
		return errors.New("the program is closed")
	}
	if s < 0 || int(s) >= len(p.tape.Slots) {
		return errors.Errorf("no slot %d among %d", s, len(p.tape.Slots))
	}
	return nil
}

// transfer copies data to the slot, or the slot to data.
func (p *program[F]) transfer(slot *tape.Slot, data any, write bool) error {
	switch p.tape.Buffers[slot.Buf].Dtype {
	case tape.Float32:
		return transfer[float32](p.arena, slot, data, write)
	case tape.Float64:
		return transfer[float64](p.arena, slot, data, write)
	}
	return transfer[int32](p.arena, slot, data, write)
}

func transfer[T any](a *arena, slot *tape.Slot, data any, write bool) error {
	host, ok := data.([]T)
	if !ok {
		return errors.Errorf("slot %q holds %T, not %T", slot.Name, host, data)
	}
	dev := dense[T](a, tape.Ref{Buf: slot.Buf}, nil, size(slot.Shape))
	if len(host) != len(dev) {
		return errors.Errorf("slot %q of shape %v holds %d elements, not %d", slot.Name, slot.Shape, len(dev), len(host))
	}
	if write {
		copy(dev, host)
	} else {
		copy(host, dev)
	}
	return nil
}

// size is the number of elements of a shape.
func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func (p *program[F]) Run() error {
	if p.arena == nil {
		return errors.New("ref: run: the program is closed")
	}
	if p.poison {
		p.poisonArena()
	}
	return errors.Wrap(p.run(p.tape.Code, nil), "ref: run")
}

// run executes code, which lies within loops that stand at the given steps.
func (p *program[F]) run(code []tape.Instr, steps []int) error {
	for _, in := range code {
		var err error
		switch in := in.(type) {
		case *tape.Product:
			p.product(in, steps)
		case *tape.Map:
			p.mapping(in, steps)
		case *tape.Reduce:
			p.reduce(in, steps)
		case *tape.Rows:
			err = p.rows(in, steps)
		case *tape.Gather:
			err = p.gather(in, steps)
		case *tape.ScatterAdd:
			err = p.scatterAdd(in, steps)
		case *tape.Put:
			err = p.put(in, steps)
		case *tape.Random:
			p.random(in, steps)
		case *tape.Copy:
			p.copy(in, steps)
		case *tape.Host:
			err = p.host(in, steps)
		case *tape.AllReduce:
			err = p.host(in.Host(), steps)
		case *tape.Loop:
			err = p.loop(in, steps)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *program[F]) loop(l *tape.Loop, outer []int) error {
	steps := append(outer[:len(outer):len(outer)], 0)
	for s := range l.Trip {
		steps[len(outer)] = s
		if err := p.run(l.Body, steps); err != nil {
			return err
		}
	}
	return nil
}

func (p *program[F]) host(h *tape.Host, steps []int) error {
	args := func(as []tape.HostArg) []any {
		xs := make([]any, len(as))
		for i, a := range as {
			if p.arena.dtype(a.Buf) == tape.Int32 {
				xs[i] = dense[int32](p.arena, a.Ref, steps, size(a.Shape))
			} else {
				xs[i] = dense[F](p.arena, a.Ref, steps, size(a.Shape))
			}
		}
		return xs
	}
	return errors.Wrapf(h.Fn(args(h.Out), args(h.In)), "host function %s", h.Name)
}

// poisonArena overwrites everything but inputs and states.
func (p *program[F]) poisonArena() {
	keep := make([]bool, len(p.tape.Buffers))
	for _, s := range p.tape.Slots {
		keep[s.Buf] = keep[s.Buf] || s.Kind != tape.Output
	}
	for i, b := range p.tape.Buffers {
		id := tape.BufferID(i)
		switch {
		case keep[i]:
		case b.Dtype == tape.Int32:
			fill(whole[int32](p.arena, id), math.MaxInt32)
		default:
			fill(whole[F](p.arena, id), F(math.NaN()))
		}
	}
}

func fill[T any](xs []T, x T) {
	for i := range xs {
		xs[i] = x
	}
}

// checkIndex reports an index that selects none of the rows.
func checkIndex(in tape.Instr, pos int, index int32, rows int) error {
	if index < 0 || int(index) >= rows {
		return &tape.IndexError{Instr: fmt.Sprint(in), Pos: pos, Index: int(index), Rows: rows}
	}
	return nil
}

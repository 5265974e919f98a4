package side

import "github.com/unroll-ml/unroll/graph/tape"

// subject is an instruction with what it works on: a tape in the making, and the numbers that the host writes.
type subject struct {
	tape.Tape
	instr tape.Instr
	data  []func() any // by slot, what the host writes; nil: nothing
	probe tape.SlotID
}

// buffer adds a slot.
func (s *subject) buffer(name string, kind tape.SlotKind, dtype tape.Dtype, n int, data func() any) tape.Ref {
	id := tape.BufferID(len(s.Buffers))
	s.Buffers = append(s.Buffers, tape.Buffer{Dtype: dtype, Len: n, Offset: s.Arena})
	s.Arena += int64(n*dtype.Size()+tape.Align-1) / tape.Align * tape.Align
	s.Slots = append(s.Slots, tape.Slot{Name: name, Kind: kind, Shape: []int{n}, Buf: id})
	s.data = append(s.data, data)
	return tape.Ref{Buf: id}
}

// floats adds n numbers between -1 and 1, in no order that a sum would cancel in.
func (s *subject) floats(name string, n int) tape.Ref {
	seed := 2654435769 * uint32(len(s.Slots)+1)
	return s.buffer(name, tape.State, tape.Float32, n, func() any {
		data, x := make([]float32, n), seed
		for i := range data {
			x = 1664525*x + 1013904223
			data[i] = float32(int32(x)) / (1 << 31)
		}
		return data
	})
}

// indices adds n integers below rows.
func (s *subject) indices(name string, n, rows int) tape.Ref {
	return s.buffer(name, tape.State, tape.Int32, n, func() any {
		data := make([]int32, n)
		x := uint32(1)
		for i := range data {
			x = 1664525*x + 1013904223
			data[i] = int32(x>>8) % int32(rows)
		}
		return data
	})
}

// out adds n numbers that the instruction writes: a state, for outputs also go to the host after every run,
// which would be timed with it.
func (s *subject) out(n int) tape.Ref { return s.buffer("out", tape.State, tape.Float32, n, nil) }

func dense(r tape.Ref, shape ...int) tape.Operand {
	return tape.Operand{Ref: r, Strides: tape.Strides(shape)}
}

// scalars writes the program of a Map: each line is a function of registers, which writes the next one.
type scalars []tape.Op

func (c *scalars) op(in int, fn tape.Fn, args ...int) int {
	op := tape.Op{Fn: fn}
	copy(op.Args[:], args)
	*c = append(*c, op)
	return in + len(*c) - 1
}

func (c *scalars) number(in int, x float64) int {
	*c = append(*c, tape.Op{Fn: tape.Const, Value: x})
	return in + len(*c) - 1
}

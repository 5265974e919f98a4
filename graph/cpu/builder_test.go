package cpu

import (
	"fmt"
	"testing"

	"github.com/unroll-ml/unroll/graph/tape"
)

// builder makes a float32 tape whose buffers, all of them slots, lie one after the other.
type builder struct{ tape.Tape }

func (b *builder) slot(kind tape.SlotKind, dtype tape.Dtype, n int) tape.Ref {
	id := tape.BufferID(len(b.Buffers))
	b.Buffers = append(b.Buffers, tape.Buffer{Dtype: dtype, Len: n, Offset: b.Arena})
	b.Slots = append(b.Slots, tape.Slot{Name: fmt.Sprint("slot", id), Kind: kind, Shape: []int{n}, Buf: id})
	b.Arena += int64(roundUp(dtype.Size()*n, tape.Align))
	return tape.Ref{Buf: id}
}

func (b *builder) buffer(kind tape.SlotKind, n int) tape.Ref { return b.slot(kind, tape.Float32, n) }

func (b *builder) emit(code ...tape.Instr) { b.Code = append(b.Code, code...) }

// start loads the tape and fills its inputs and states: with small numbers, integers below 5.
func (b *builder) start(tb testing.TB, opts ...Option) tape.Program {
	tb.Helper()
	p, err := New(opts...).Load(&b.Tape)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { p.Close() })
	for i, s := range b.Slots {
		if s.Kind == tape.Output {
			continue
		}
		n := s.Shape[0]
		var data any
		if b.Buffers[s.Buf].Dtype == tape.Int32 {
			x := make([]int32, n)
			for j := range x {
				x[j] = int32(j*7+i) % 5
			}
			data = x
		} else {
			x := make([]float32, n)
			for j := range x {
				x[j] = float32((j*7+i*3)%101-50) / 64
			}
			data = x
		}
		if err := p.Write(tape.SlotID(i), data); err != nil {
			tb.Fatal(err)
		}
	}
	return p
}

// dense is an operand of consecutive elements.
func dense(r tape.Ref, shape ...int) tape.Operand {
	return tape.Operand{Ref: r, Strides: tape.Strides(shape)}
}

// touch writes the first element of a buffer, without a change.
func touch(r tape.Ref) *tape.Map {
	first := dense(tape.Ref{Buf: r.Buf}, 1)
	return &tape.Map{Shape: []int{1}, In: []tape.Operand{first}, Result: []int{0}, Out: []tape.Operand{first}}
}

// everything is a tape with each instruction, large enough that every one is split over threads.
func everything() *builder {
	const (
		steps, batch, width, classes = 6, 70, 330, 90
		n                            = steps * batch
	)
	b := &builder{tape.Tape{Float: tape.Float32}}
	in, state := func(n int) tape.Ref { return b.buffer(tape.Input, n) },
		func(n int) tape.Ref { return b.buffer(tape.State, n) }
	at := func(r tape.Ref, off int, step ...int) tape.Ref {
		return tape.Ref{Buf: r.Buf, Off: r.Off + off, Step: step}
	}

	table, index := state(5*width), b.slot(tape.Input, tape.Int32, n)
	x, weights := state(n*width), in(width*width)
	b.emit(&tape.Gather{Table: table, Index: index, Out: x, N: n, Width: width, Rows: 5})

	keys, noise := b.slot(tape.Input, tape.Int32, 4*n), state(n*width)
	b.emit(&tape.Random{Keys: keys, Out: noise, N: n, Width: width, Stream: 3})

	// h' = tanh(h·W + x) where the noise is below ½, else h
	h, z := state((steps+1)*batch*width), state(batch*width)
	size := batch * width
	shape := []int{batch, width}
	b.emit(&tape.Loop{Trip: steps, Body: []tape.Instr{
		&tape.Product{A: at(h, 0, size), B: weights, C: z, Batch: 1, M: batch, N: width, K: width, LdA: width, LdB: width, LdC: width},
		&tape.Map{
			Shape: shape,
			In:    []tape.Operand{dense(z, shape...), dense(at(x, 0, size), shape...), dense(at(noise, 0, size), shape...), dense(at(h, 0, size), shape...)},
			Code: []tape.Op{{Fn: tape.Add, Args: [3]int{0, 1}}, {Fn: tape.Tanh, Args: [3]int{4}}, {Fn: tape.Const, Value: 0.5},
				{Fn: tape.Lt, Args: [3]int{2, 6}}, {Fn: tape.Where, Args: [3]int{7, 5, 3}}},
			Result: []int{8},
			Out:    []tape.Operand{dense(at(h, size, size), shape...)},
		},
	}})
	out := at(h, size)

	logits, proj := state(n*classes), state(width*classes)
	b.emit(&tape.Product{A: out, B: proj, C: logits, Batch: 1, M: n, N: classes, K: width, LdA: width, LdB: classes,
		LdC: classes})
	loss, mean, target := state(n), state(1), b.slot(tape.Input, tape.Int32, n)
	one := state(n)
	dlogits, best, probs := state(n*classes), b.slot(tape.State, tape.Int32, n), state(n*classes)
	b.emit(
		&tape.Rows{Kind: tape.CrossEntropy, In: []tape.Ref{logits, target}, Out: loss, Rows: n, Cols: classes,
			Smoothing: 0.1},
		&tape.Reduce{Fn: tape.Sum, In: loss, Out: mean, Outer: 1, N: n, Inner: 1},
		&tape.Rows{Kind: tape.CrossEntropyGrad, In: []tape.Ref{logits, target, one}, Out: dlogits, Rows: n, Cols: classes},
		&tape.Rows{Kind: tape.Argmax, In: []tape.Ref{logits}, Out: best, Rows: n, Cols: classes},
		&tape.Rows{Kind: tape.Softmax, In: []tape.Ref{logits}, Out: probs, Rows: n, Cols: classes},
	)
	dproj, dout, dbias := state(width*classes), state(n*width), state(width)
	norm, transposed, largest := state(1), state(n*width), state(n)
	b.emit(
		&tape.Product{A: out, B: dlogits, C: dproj, Batch: 1, M: width, N: classes, K: n, TransA: true, LdA: width,
			LdB: classes, LdC: classes},
		&tape.Product{A: dlogits, B: proj, C: dout, Batch: 1, M: n, N: width, K: classes, TransB: true, LdA: classes,
			LdB: classes, LdC: width},
		&tape.Reduce{Fn: tape.Sum, In: dout, Out: dbias, Outer: 1, N: n, Inner: width},
		&tape.Reduce{Fn: tape.Sum, In: dout, Out: norm, Outer: 1, N: n * width, Inner: 1},
		&tape.Reduce{Fn: tape.ReduceMax, In: dout, Out: largest, Outer: n, N: width, Inner: 1},
		&tape.Copy{Shape: []int{width, n}, In: tape.Operand{Ref: dout, Strides: []int{1, width}},
			Out: dense(transposed, width, n)},
		&tape.ScatterAdd{Index: index, In: dout, Out: table, N: n, Width: width, Rows: 5},
	)

	// Attention: scores of one query for each sequence, and the mean that they weigh.
	scores, context := state(batch*steps), state(batch*width)
	b.emit(
		&tape.Product{A: at(h, 0), B: x, C: scores, Batch: batch, M: 1, N: steps, K: width, TransB: true,
			LdA: width, LdB: width * batch, LdC: steps, StrideA: width, StrideB: width, StrideC: steps},
		&tape.Product{A: scores, B: x, C: context, Batch: batch, M: 1, N: width, K: steps,
			LdA: steps, LdB: width * batch, LdC: width, StrideA: steps, StrideB: width, StrideC: width},
	)
	outer := state(batch * steps * width)
	b.emit(&tape.Product{A: scores, B: context, C: outer, Batch: batch, M: steps, N: width, K: 1, TransA: true,
		LdA: steps, LdB: width, LdC: width, StrideA: steps, StrideB: width, StrideC: steps * width})
	return b
}

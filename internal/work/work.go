// Package work counts what the instructions of a tape do, for those who say how fast they are.
//
// It must not know any device.
package work

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/tape"
)

// Work is what an instruction does.
type Work struct {
	FLOP  float64 // of products
	Bytes float64 // that it must read and write once
}

// Of counts one run of an instruction; of a loop, all of its steps.
func Of(t *tape.Tape, in tape.Instr) Work {
	size := func(r tape.Ref, n ...int) float64 {
		bytes := float64(t.Buffers[r.Buf].Dtype.Size())
		for _, d := range n {
			bytes *= float64(d)
		}
		return bytes
	}
	operand := func(o tape.Operand, shape []int) float64 {
		bytes := size(o.Ref)
		for i, d := range shape {
			if o.Strides[i] != 0 { // what is repeated is read once
				bytes *= float64(d)
			}
		}
		return bytes
	}
	var w Work
	switch in := in.(type) {
	case *tape.Product:
		w.FLOP = 2 * float64(in.Batch) * float64(in.M) * float64(in.N) * float64(in.K)
		w.Bytes = size(in.A, in.Batch, in.M, in.K) + size(in.B, in.Batch, in.K, in.N) + size(in.C, in.Batch, in.M, in.N)
	case *tape.Map:
		for _, o := range in.In {
			w.Bytes += operand(o, in.Shape)
		}
		for _, o := range in.Out {
			w.Bytes += operand(o, in.Shape)
		}
	case *tape.Copy:
		w.Bytes = operand(in.In, in.Shape) + operand(in.Out, in.Shape)
	case *tape.Reduce:
		w.Bytes = size(in.In, in.Outer, in.N, in.Inner) + size(in.Out, in.Outer, in.Inner)
	case *tape.Rows:
		perRow := func(kind tape.RowsKind) bool { return kind == tape.CrossEntropy || kind == tape.Argmax }
		full, each := size(in.In[0], in.Rows, in.Cols), size(in.In[0], in.Rows)
		w.Bytes = full
		switch in.Kind {
		case tape.SoftmaxGrad, tape.LogSoftmaxGrad:
			w.Bytes += full
		case tape.CrossEntropy, tape.CrossEntropyGrad:
			w.Bytes += each
		}
		if perRow(in.Kind) {
			w.Bytes += each
		} else {
			w.Bytes += full
		}
	case *tape.Gather:
		w.Bytes = size(in.Index, in.N) + size(in.Table, in.N, in.Width) + size(in.Out, in.N, in.Width)
	case *tape.ScatterAdd:
		w.Bytes = size(in.Index, in.N) + size(in.In, in.N, in.Width) + size(in.Out, in.Rows, in.Width)
	case *tape.Put:
		w.Bytes = size(in.Index, in.N) + size(in.In, in.N, in.Width) + size(in.Out, in.N, in.Width)
	case *tape.Random:
		w.Bytes = size(in.Keys, in.N, 4) + size(in.Out, in.N, in.Width)
	case *tape.Host:
		for _, a := range slices.Concat(in.In, in.Out) {
			w.Bytes += size(a.Ref, a.Shape...)
		}
	case *tape.AllReduce:
		w.Bytes = 2 * size(in.In, in.N)
	case *tape.Loop:
		for _, body := range in.Body {
			b := Of(t, body)
			w.FLOP += float64(in.Trip) * b.FLOP
			w.Bytes += float64(in.Trip) * b.Bytes
		}
	}
	return w
}

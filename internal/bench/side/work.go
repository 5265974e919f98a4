package side

import "github.com/unroll-ml/unroll/graph/tape"

// work is what an instruction does: arithmetic of products, and bytes that it must read and write once.
type work struct{ flop, bytes float64 }

// workOf counts one run of an instruction; of a loop, all of its steps.
func workOf(t *tape.Tape, in tape.Instr) work {
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
	var w work
	switch in := in.(type) {
	case *tape.Product:
		w.flop = 2 * float64(in.Batch) * float64(in.M) * float64(in.N) * float64(in.K)
		w.bytes = size(in.A, in.Batch, in.M, in.K) + size(in.B, in.Batch, in.K, in.N) + size(in.C, in.Batch, in.M, in.N)
	case *tape.Map:
		for _, o := range in.In {
			w.bytes += operand(o, in.Shape)
		}
		for _, o := range in.Out {
			w.bytes += operand(o, in.Shape)
		}
	case *tape.Copy:
		w.bytes = operand(in.In, in.Shape) + operand(in.Out, in.Shape)
	case *tape.Reduce:
		w.bytes = size(in.In, in.Outer, in.N, in.Inner) + size(in.Out, in.Outer, in.Inner)
	case *tape.Rows:
		perRow := func(kind tape.RowsKind) bool { return kind == tape.CrossEntropy || kind == tape.Argmax }
		full, each := size(in.In[0], in.Rows, in.Cols), size(in.In[0], in.Rows)
		w.bytes = full
		switch in.Kind {
		case tape.SoftmaxGrad, tape.LogSoftmaxGrad:
			w.bytes += full
		case tape.CrossEntropy, tape.CrossEntropyGrad:
			w.bytes += each
		}
		if perRow(in.Kind) {
			w.bytes += each
		} else {
			w.bytes += full
		}
	case *tape.Gather:
		w.bytes = size(in.Index, in.N) + size(in.Table, in.N, in.Width) + size(in.Out, in.N, in.Width)
	case *tape.ScatterAdd:
		w.bytes = size(in.Index, in.N) + size(in.In, in.N, in.Width) + size(in.Out, in.Rows, in.Width)
	case *tape.Put:
		w.bytes = size(in.Index, in.N) + size(in.In, in.N, in.Width) + size(in.Out, in.N, in.Width)
	case *tape.Random:
		w.bytes = size(in.Keys, in.N, 4) + size(in.Out, in.N, in.Width)
	case *tape.AllReduce:
		w.bytes = 2 * size(in.In, in.N)
	case *tape.Loop:
		for _, body := range in.Body {
			b := workOf(t, body)
			w.flop += float64(in.Trip) * b.flop
			w.bytes += float64(in.Trip) * b.bytes
		}
	}
	return w
}

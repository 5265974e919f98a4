package cuda

import (
	"github.com/unroll-ml/unroll/cuda/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

func (l *lowering) mapping(m *tape.Map) []work {
	if volume(m.Shape) == 0 {
		return nil
	}
	return []work{l.alone(m, l.mapped(m, kernel.NewMap))}
}

// elementwise is a Map made ready, or a strided copy as one, with what its kernel takes: addresses, and the
// number of items.
type elementwise struct {
	kernel.Mapped
	args []place
}

// alone is the launch of one.
func (l *lowering) alone(in tape.Instr, e elementwise) *launch {
	return l.launch(in, e.Launch, append(e.args, number(e.Items))...)
}

// mapped makes a Map ready with kernel.NewMap or kernel.NewPart.
func (l *lowering) mapped(m *tape.Map, ready func(kernel.Map) kernel.Mapped) elementwise {
	k := kernel.Map{Compute: l.float, Shape: m.Shape, Code: m.Code, Result: m.Result}
	var in, out []place
	operand := func(o tape.Operand, places *[]place) kernel.Operand {
		p := l.place(o.Ref)
		*places = append(*places, p)
		return kernel.Operand{Elem: elem(l.tape.Buffers[o.Buf].Dtype), Strides: o.Strides, Align: p.align()}
	}
	for _, o := range m.In {
		k.In = append(k.In, operand(o, &in))
	}
	for _, o := range m.Out {
		k.Out = append(k.Out, operand(o, &out))
	}
	e := elementwise{Mapped: ready(k)}
	for _, i := range e.Used {
		e.args = append(e.args, in[i])
	}
	e.args = append(e.args, out...)
	return e
}

// copied is a copy as a Map that does not look at what it moves.
func (l *lowering) copied(c *tape.Copy) elementwise {
	from, to := l.place(c.In.Ref), l.place(c.Out.Ref)
	e := raw(l.tape.Buffers[c.In.Buf].Dtype)
	return elementwise{
		Mapped: kernel.NewMap(kernel.Map{
			Compute: e, Shape: c.Shape, Result: []int{0},
			In:  []kernel.Operand{{Elem: e, Strides: c.In.Strides, Align: from.align()}},
			Out: []kernel.Operand{{Elem: e, Strides: c.Out.Strides, Align: to.align()}},
		}),
		args: []place{from, to},
	}
}

func (l *lowering) copying(c *tape.Copy) []work {
	if volume(c.Shape) == 0 {
		return nil
	}
	from, to := l.place(c.In.Ref), l.place(c.Out.Ref)
	dtype := l.tape.Buffers[c.In.Buf].Dtype
	if contiguous(c.Shape, c.In.Strides) && contiguous(c.Shape, c.Out.Strides) {
		return []work{&move{to, from, int64(volume(c.Shape) * dtype.Size())}}
	}
	if t, ok := kernel.NewTranspose(raw(dtype), c.Shape, c.In.Strides, c.Out.Strides); ok {
		return []work{l.launch(c, t.Launch, from, to,
			number(t.Rows), number(t.Cols), number(t.StrideIn), number(t.StrideOut), number(t.BatchIn), number(t.BatchOut))}
	}
	return []work{l.alone(c, l.copied(c))}
}

// contiguous reports whether the elements of a view are neighbours in row-major order.
func contiguous(shape, strides []int) bool {
	n := 1
	for a := len(shape) - 1; a >= 0; a-- {
		if shape[a] != 1 && strides[a] != n {
			return false
		}
		n *= shape[a]
	}
	return true
}

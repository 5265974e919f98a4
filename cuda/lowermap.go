package cuda

import (
	"github.com/unroll-ml/unroll/cuda/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

func (l *lowering) mapping(m *tape.Map) []work {
	if volume(m.Shape) == 0 {
		return nil
	}
	mapped, args := l.mapped(m)
	return []work{l.launch(m, mapped.Launch, append(args, number(mapped.Items))...)}
}

// mapped is a Map made ready, with the addresses that its kernel takes.
func (l *lowering) mapped(m *tape.Map) (kernel.Mapped, []place) {
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
	mapped := kernel.NewMap(k)
	var args []place
	for _, i := range mapped.Used {
		args = append(args, in[i])
	}
	return mapped, append(args, out...)
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
	e := raw(dtype)
	if t, ok := kernel.NewTranspose(e, c.Shape, c.In.Strides, c.Out.Strides); ok {
		return []work{l.launch(c, t.Launch, from, to,
			number(t.Rows), number(t.Cols), number(t.StrideIn), number(t.StrideOut), number(t.BatchIn), number(t.BatchOut))}
	}
	m := kernel.NewMap(kernel.Map{
		Compute: e, Shape: c.Shape, Result: []int{0},
		In:  []kernel.Operand{{Elem: e, Strides: c.In.Strides, Align: from.align()}},
		Out: []kernel.Operand{{Elem: e, Strides: c.Out.Strides, Align: to.align()}},
	})
	return []work{l.launch(c, m.Launch, from, to, number(m.Items))}
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

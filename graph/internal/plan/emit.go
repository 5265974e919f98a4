package plan

import (
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// emit writes the instructions that compute v, or finds the view that v is.
func (s *scope) emit(v *ir.Value) {
	k := key{v, -1}
	arg := func(i int) *ir.Value { return v.Args[i] }
	switch op := v.Op.(type) {
	case ir.Param, ir.Const, ir.Iota, ir.Proj, ir.Tuple:
		if _, ok := v.Op.(ir.Proj); ok {
			if _, ok := v.Args[0].Op.(ir.Tuple); ok {
				s.at[keyOf(v)] = s.view(v.Args[0].Args[v.Op.(ir.Proj).Index])
			}
		}

	case ir.Broadcast:
		s.at[k] = s.view(arg(0)).broadcast(arg(0).Shape, v.Shape)
	case ir.Transpose:
		s.at[k] = s.view(arg(0)).transpose(op.Perm)
	case ir.Slice:
		s.at[k] = s.view(arg(0)).slice(op.Axis, op.From)
	case ir.Reshape:
		at, ok := s.view(arg(0)).reshape(arg(0).Shape, v.Shape)
		if !ok {
			at = s.dense(arg(0))
			at.strides = rowMajor(v.Shape)
		}
		s.at[k] = at

	case ir.Concat:
		from := 0
		for _, a := range v.Args {
			s.deliver(a, s.at[k].slice(op.Axis, from))
			from += a.Shape[op.Axis]
		}
	case ir.Pad:
		s.at[k] = s.place(k, v.Type)
		s.zero(s.at[k], v.Type)
		s.move(s.view(arg(0)), s.at[k].slice(op.Axis, op.Before), arg(0).Shape)

	case ir.Elem:
		s.at[k] = s.place(k, v.Type)
		params := make([]*ir.Value, len(v.Args))
		body := &ir.Func{}
		for i, a := range v.Args {
			params[i] = body.AddParam(a.Type, "")
		}
		result := &ir.Value{Op: v.Op, Args: params, Type: v.Type}
		outs := s.outs(k)
		body.Results = slices.Repeat([]*ir.Value{result}, len(outs))
		s.emitMap(v.Shape, body, v.Args, outs)
	case *ir.Fused:
		var outs []view
		body := &ir.Func{Params: op.Body.Params}
		for i, t := range v.Parts {
			k := key{v, i}
			s.at[k] = s.place(k, t)
			for _, at := range s.outs(k) {
				outs, body.Results = append(outs, at), append(body.Results, op.Body.Results[i])
			}
		}
		s.emitMap(op.Shape, body, v.Args, outs)

	case ir.Product:
		s.at[k] = s.place(k, v.Type)
		s.emitProduct(op, v, s.at[k])
	case ir.Reduce:
		s.at[k] = s.place(k, v.Type)
		s.emitReduce(op, v, s.at[k])
	case ir.Rows:
		s.at[k] = s.place(k, v.Type)
		x := arg(0)
		cols := x.Shape[len(x.Shape)-1]
		rows := x.Shape[:len(x.Shape)-1].Size()
		in := make([]tape.Ref, len(v.Args))
		for i, a := range v.Args {
			in[i] = s.dense(a).ref()
		}
		s.code = append(s.code, &tape.Rows{Kind: op.Kind, In: in, Out: s.at[k].ref(), Rows: rows, Cols: cols, Mask: op.Mask,
			Smoothing: op.Smoothing})

	case ir.Gather:
		s.at[k] = s.place(k, v.Type)
		table, index := s.dense(arg(0)), s.dense(arg(1))
		s.code = append(s.code, &tape.Gather{Table: table.ref(), Index: index.ref(), Out: s.at[k].ref(),
			N: arg(1).Shape.Size(), Width: arg(0).Shape[1:].Size(), Rows: arg(0).Shape[0]})
	case ir.ScatterAdd:
		s.at[k] = s.place(k, v.Type)
		index, g := s.dense(arg(0)), s.dense(arg(1))
		s.code = append(s.code, &tape.ScatterAdd{Index: index.ref(), In: g.ref(), Out: s.at[k].ref(),
			N: arg(0).Shape.Size(), Width: v.Shape[1:].Size(), Rows: op.Rows})
	case ir.Put:
		s.at[k] = s.place(k, v.Type)
		index, rows := s.dense(arg(1)), s.dense(arg(2))
		if c := inline(arg(0)); c != nil {
			s.emitMap(v.Shape, &ir.Func{Results: []*ir.Value{c}}, nil, []view{s.at[k]})
		} else {
			s.move(s.view(arg(0)), s.at[k], v.Shape)
		}
		s.code = append(s.code, &tape.Put{Index: index.ref(), In: rows.ref(), Out: s.at[k].ref(),
			N: arg(1).Shape.Size(), Width: v.Shape[1:].Size(), Rows: v.Shape[0]})
	case ir.Random:
		s.at[k] = s.place(k, v.Type)
		keys := s.dense(arg(0))
		s.code = append(s.code, &tape.Random{Keys: keys.ref(), Out: s.at[k].ref(), N: arg(0).Shape.Size() / 4,
			Width: op.Of.Shape.Size(), Stream: op.Stream})
	case *ir.Host:
		s.at[k] = s.place(k, v.Type)
		h := &tape.Host{Name: op.Name, Out: []tape.HostArg{{Ref: s.at[k].ref(), Shape: v.Shape}}, Fn: op.Fn}
		for _, a := range op.Given(v.Args) {
			h.In = append(h.In, tape.HostArg{Ref: s.dense(a).ref(), Shape: a.Shape})
		}
		s.code = append(s.code, h)
	case *ir.AllReduce:
		x, when := s.dense(arg(0)), s.dense(arg(1))
		to := x
		if _, asked := s.home[k]; asked || !s.spare(x, s.pos[v]) {
			to = s.place(k, v.Type)
		}
		s.at[k] = to
		s.code = append(s.code, &tape.AllReduce{In: x.ref(), Out: to.ref(), When: when.ref(), N: v.Shape.Size(), Sum: op.Sum})
	case *ir.Loop:
		s.emitLoop(op, v)
	default:
		s.fail(errors.Errorf("no instruction for %v", v.Op))
	}
}

// outs is all places where a Map writes k.
func (s *scope) outs(k key) []view { return append([]view{s.at[k]}, s.also[k]...) }

// spare reports whether the memory of a view may be overwritten by the value at pos: nothing after it reads what was
// there.
func (s *scope) spare(x view, pos int) bool {
	if x.buf.slot || x.buf.loop != s.loop {
		return false
	}
	for _, v := range s.order {
		at, ok := s.at[keyOf(v)]
		solid, copied := s.solid[v]
		if s.last[root(v)] > pos && (ok && at.buf == x.buf || copied && solid.buf == x.buf) {
			return false
		}
	}
	return true
}

func (s *scope) zero(place view, t ir.Type) {
	z := &ir.Value{Op: ir.Const{Of: t}, Type: t}
	s.emitMap(t.Shape, &ir.Func{Results: []*ir.Value{z}}, nil, []view{place})
}

func (s *scope) emitProduct(op ir.Product, v *ir.Value, c view) {
	r := len(v.Shape)
	m, n := v.Shape[r-2], v.Shape[r-1]
	k := v.Args[0].Shape[r-1]
	if op.TransA {
		k = v.Args[0].Shape[r-2]
	}
	p := &tape.Product{Batch: 1, M: m, N: n, K: k}
	operand := func(x *ir.Value, flag bool) (ref tape.Ref, trans bool, ld, stride int) {
		at := s.view(x)
		t, ld, ok := at.matrix(x.Shape[r-2], x.Shape[r-1])
		if !ok {
			at = s.dense(x)
			t, ld, _ = at.matrix(x.Shape[r-2], x.Shape[r-1])
		}
		if r == 3 {
			stride = at.strides[0]
		}
		return at.ref(), t != flag, ld, stride
	}
	p.A, p.TransA, p.LdA, p.StrideA = operand(v.Args[0], op.TransA)
	p.B, p.TransB, p.LdB, p.StrideB = operand(v.Args[1], op.TransB)
	_, p.LdC, _ = c.matrix(m, n)
	p.C = c.ref()
	if r == 3 {
		p.Batch, p.StrideC = v.Shape[0], c.strides[0]
	}
	if op.Need {
		need := s.dense(v.Args[2]).ref()
		p.Need = &need
	}
	s.code = append(s.code, p)
}

// emitReduce reduces one run of neighbouring axes after the other, the last first.
func (s *scope) emitReduce(op ir.Reduce, v *ir.Value, out view) {
	x := s.dense(v.Args[0])
	shape := slices.Clone(v.Args[0].Shape)
	axes := slices.Clone(op.Axes)
	if len(axes) == 0 {
		s.move(x, out, shape)
	}
	for len(axes) > 0 {
		end := len(axes)
		start := end - 1
		for start > 0 && axes[start-1] == axes[start]-1 {
			start--
		}
		a, z := axes[start], axes[end-1]+1
		outer, n, inner := shape[:a].Size(), shape[a:z].Size(), shape[z:].Size()
		shape = slices.Delete(shape, a, z)
		axes = axes[:start]
		place := out
		if len(axes) > 0 {
			place = dense(s.buffer(ir.Type{Dtype: v.Dtype, Shape: shape}, s.loop), shape)
		}
		s.code = append(s.code, &tape.Reduce{Fn: op.Fn, In: x.ref(), Out: place.ref(), Outer: outer, N: n, Inner: inner})
		x = place
	}
}

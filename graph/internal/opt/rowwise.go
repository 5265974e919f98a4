package opt

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// rowwise reports whether v can be computed a stretch of its rows at a time, where a stretch is some of trip equal
// parts of the first dimension; and of which arguments that needs the same stretch alone. Of the others it needs all.
func rowwise(v *ir.Value, trip int) (over []bool, ok bool) {
	if !stretches(v, trip) {
		return nil, false
	}
	all := slices.Repeat([]bool{true}, len(v.Args))
	switch op := v.Op.(type) {
	case ir.Const, ir.Elem:
		return all, true
	case ir.Iota:
		return nil, op.Axis > 0
	case *ir.Fused:
		return all, !slices.ContainsFunc(op.Body.Values(), func(x *ir.Value) bool {
			i, ok := x.Op.(ir.Iota)
			return ok && i.Axis == 0
		})
	case ir.Proj:
		_, ok := v.Args[0].Op.(*ir.Fused)
		return all, ok
	case ir.Broadcast:
		x := v.Args[0]
		return []bool{len(x.Shape) == len(v.Shape) && x.Shape[0] == v.Shape[0]}, true
	case ir.Reshape:
		return all, stretches(v.Args[0], trip)
	case ir.Transpose:
		return all, op.Perm[0] == 0
	case ir.Slice:
		return all, op.Axis > 0
	case ir.Pad:
		return all, op.Axis > 0
	case ir.Concat:
		return all, op.Axis > 0
	case ir.Product:
		over := []bool{true, len(v.Shape) == 3, true}
		return over[:len(v.Args)], len(v.Shape) == 3 || !op.TransA
	case ir.Reduce:
		return all, op.Axes[0] > 0
	case ir.Rows:
		return all, len(v.Args[0].Shape) > 1
	case ir.Gather:
		return []bool{false, true}, len(v.Args[1].Shape) > 0
	case ir.Random:
		return all, len(v.Args[0].Shape) > 1
	}
	return nil, false
}

// stretches reports whether v has trip equal parts of rows.
func stretches(v *ir.Value, trip int) bool {
	s := v.Shape
	if f, ok := v.Op.(*ir.Fused); ok {
		s = f.Shape
	}
	return len(s) > 0 && s[0] > 0 && s[0]%trip == 0
}

// stretch computes steps of trip parts of the rows of v, from its arguments: those parts, or all, as rowwise says.
func stretch(b *ir.Builder, v *ir.Value, args []*ir.Value, steps, trip int) *ir.Value {
	part := func(s ir.Shape) ir.Shape { return s[1:].With(s[0] / trip * steps) }
	op := v.Op
	switch o := v.Op.(type) {
	case ir.Const:
		o.Of.Shape = part(o.Of.Shape)
		op = o
	case ir.Iota:
		o.Of.Shape = part(o.Of.Shape)
		op = o
	case ir.Broadcast:
		op = ir.Broadcast{Shape: part(o.Shape)}
	case ir.Reshape:
		op = ir.Reshape{Shape: part(o.Shape)}
	case *ir.Fused:
		op = fusedOver(o, part(o.Shape))
	}
	return b.New(op, args...).Named(v.Name)
}

// fusedOver is f with another shape.
func fusedOver(f *ir.Fused, shape ir.Shape) *ir.Fused {
	g := &ir.Fused{Shape: shape, Body: &ir.Func{}}
	of := map[*ir.Value]*ir.Value{}
	for _, v := range append(slices.Clone(f.Body.Params), f.Body.Values()...) {
		if of[v] != nil {
			continue
		}
		w := *v
		w.Shape = shape
		w.Args = make([]*ir.Value, len(v.Args))
		for i, a := range v.Args {
			w.Args[i] = of[a]
		}
		switch o := v.Op.(type) {
		case ir.Param:
			o.Of.Shape = shape
			w.Op = o
		case ir.Const:
			o.Of.Shape = shape
			w.Op = o
		case ir.Iota:
			o.Of.Shape = shape
			w.Op = o
		}
		of[v] = &w
	}
	for _, p := range f.Body.Params {
		g.Body.Params = append(g.Body.Params, of[p])
	}
	for _, r := range f.Body.Results {
		g.Body.Results = append(g.Body.Results, of[r])
	}
	return g
}

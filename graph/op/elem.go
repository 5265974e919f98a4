package op

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// elementwise is the shape rule of scalar functions: NumPy's broadcasting, dimensions aligned at the right. The
// result is of the inputs' floating-point type.
func elementwise(in []ir.Type) (ir.Type, error) {
	out, err := broadcastTypes(in...)
	if err == nil && out.Dtype == tape.Int32 {
		return ir.Type{}, errors.New("needs a floating-point input")
	}
	return out, err
}

// broadcastTypes is the type of an elementwise function's result: integers if all of in are, else their
// floating-point type.
func broadcastTypes(in ...ir.Type) (ir.Type, error) {
	out := in[0]
	for _, t := range in[1:] {
		s, ok := ir.BroadcastShape(out.Shape, t.Shape)
		if !ok {
			return ir.Type{}, errors.Errorf("shapes %v and %v cannot be broadcast to one", out.Shape, t.Shape)
		}
		out.Shape = s
		switch {
		case out.Dtype == tape.Int32:
			out.Dtype = t.Dtype
		case t.Dtype != tape.Int32 && t.Dtype != out.Dtype:
			return ir.Type{}, errors.Errorf("element types %v and %v differ", out.Dtype, t.Dtype)
		}
	}
	return out, nil
}

// unbroadcast sums grad, which has the shape of an elementwise function's result, to the shape of its input x:
// the derivative of broadcasting.
func (b *Builder) unbroadcast(grad, x *G.Node) *G.Node {
	gs, xs := grad.Shape(), x.Shape()
	if b.err != nil || slices.Equal(gs, xs) {
		return grad
	}
	lead := len(gs) - len(xs)
	var axes []int
	for i, d := range gs {
		if i < lead || xs[i-lead] == 1 && d != 1 {
			axes = append(axes, i)
		}
	}
	return b.Reshape(b.Sum(grad, axes...), xs...)
}

package op

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// Concat joins tensors along an axis, which counts from the end if it is negative; their other dimensions must agree.
func (b *Builder) Concat(axis int, xs ...*G.Node) *G.Node {
	if len(xs) == 0 {
		return b.fail(errors.New("Concat of nothing; it needs at least one input"))
	}
	return b.apply(concat{axis}, xs...)
}

type concat struct{ axis int }

func (o concat) String() string { return fmt.Sprintf("Concat along axis %d", o.axis) }
func (o concat) Type(in []ir.Type) (ir.Type, error) {
	a, err := axisOf(in[0].Shape, o.axis)
	if err != nil {
		return ir.Type{}, err
	}
	out := ir.Type{Dtype: in[0].Dtype, Shape: slices.Clone(in[0].Shape)}
	for _, t := range in[1:] {
		if t.Dtype != out.Dtype {
			return ir.Type{}, errors.Errorf("element types %v and %v differ", out.Dtype, t.Dtype)
		}
		s := slices.Clone(t.Shape)
		if len(s) == len(out.Shape) {
			s[a] = out.Shape[a]
		}
		if !s.Equal(out.Shape) {
			return ir.Type{}, errors.Errorf("shapes %v and %v differ in more than axis %d", in[0].Shape, t.Shape, o.axis)
		}
		out.Shape[a] += t.Shape[a]
	}
	return out, nil
}
func (o concat) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	a, _ := axisOf(in[0].Shape, o.axis)
	return b.Concat(a, in...)
}

// Diff: to each input its part.
func (o concat) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	ds, from := make([]*G.Node, len(in)), 0
	for i, x := range in {
		a, _ := axisOf(x.Shape(), o.axis)
		to := from + x.Shape()[a]
		ds[i] = b.Slice(g, a, from, to)
		from = to
	}
	return ds
}

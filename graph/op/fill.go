package op

import (
	"fmt"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/lower"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Fill is a tensor of the given shape whose elements are all v; like gives the graph and the element type,
// nothing else.
func (b *Builder) Fill(like *G.Node, v float64, shape ...int) *G.Node {
	return b.apply(fill{value: v, shape: shape}, like)
}

type fill struct {
	constant
	value float64
	shape ir.Shape
}

func (o fill) String() string { return fmt.Sprintf("Fill %v with %g", []int(o.shape), o.value) }
func (o fill) Type(in []ir.Type) (ir.Type, error) {
	if in[0].Dtype == tape.Int32 && float64(int32(o.value)) != o.value {
		return ir.Type{}, errors.Errorf("%g is not an integer of 32 bits", o.value)
	}
	return ir.Type{Dtype: in[0].Dtype, Shape: o.shape}, positive(o.shape)
}
func (o fill) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	return b.New(ir.Const{Value: o.value, Of: ir.Type{Dtype: in[0].Dtype, Shape: o.shape}})
}

// dtypeOf is the element type of a node that serves only as an example of it.
func (b *Builder) dtypeOf(method string, like *G.Node) (ir.Dtype, bool) {
	if !b.usable(method, like) {
		return 0, false
	}
	d, err := lower.DtypeOf(like.Dtype())
	if err != nil {
		b.fail(errors.Wrapf(err, "%s like %s", method, lower.Describe(like)))
	}
	return d, err == nil
}

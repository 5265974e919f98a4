package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Argmax is the index of the largest element along the last axis, which disappears: the first of equals; NaN
// counts as largest. The result is of integers and has no derivative.
func (b *Builder) Argmax(x *G.Node) *G.Node { return b.apply(argmax{}, x) }

type argmax struct{ constant }

func (argmax) String() string { return "Argmax" }
func (argmax) Type(in []ir.Type) (ir.Type, error) {
	if err := rows(in[0]); err != nil {
		return ir.Type{}, err
	}
	s := in[0].Shape
	return ir.Type{Dtype: tape.Int32, Shape: s[:len(s)-1]}, nil
}
func (argmax) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	return b.New(ir.Rows{Kind: tape.Argmax}, in...)
}

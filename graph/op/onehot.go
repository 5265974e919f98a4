package op

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// OneHot is 1 at each index and 0 elsewhere: (index ...) -> ...×n, of the element type of like. An index
// outside of [0, n) gives zeros. It has no derivative.
func (b *Builder) OneHot(index *G.Node, n int, like *G.Node) *G.Node {
	of, ok := b.dtypeOf("OneHot", like)
	if !ok {
		return b.broken()
	}
	return b.apply(oneHot{n: n, of: of}, index)
}

type oneHot struct {
	constant
	n  int
	of ir.Dtype
}

func (o oneHot) String() string { return fmt.Sprintf("OneHot of %d", o.n) }
func (o oneHot) Type(in []ir.Type) (ir.Type, error) {
	if in[0].Dtype != tape.Int32 || o.n < 1 {
		return ir.Type{}, errors.Errorf("%v is not an index into %d columns", in[0], o.n)
	}
	return ir.Type{Dtype: o.of, Shape: append(slices.Clone(in[0].Shape), o.n)}, nil
}
func (o oneHot) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	shape := append(slices.Clone(in[0].Shape), o.n)
	index := b.Reshape(in[0], append(slices.Clone(in[0].Shape), 1)...)
	column := b.New(ir.Iota{Axis: len(shape) - 1, Of: ir.Type{Dtype: tape.Int32, Shape: shape}})
	return b.Cast(b.Elem(tape.Eq, column, index), o.of)
}

package op

import (
	"fmt"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Cast is x in the element type of like; floating-point numbers are truncated to integers. It has no derivative. Two
// floating-point types do not mix in one program.
func (b *Builder) Cast(x, like *G.Node) *G.Node {
	to, ok := b.dtypeOf("Cast", like)
	if !ok || !b.usable("Cast", x) {
		return b.broken()
	}
	if x.Dtype() == like.Dtype() {
		return x
	}
	return b.apply(cast{to: to}, x)
}

type cast struct {
	constant
	to ir.Dtype
}

func (o cast) String() string { return fmt.Sprintf("Cast to %v", o.to) }
func (o cast) Type(in []ir.Type) (ir.Type, error) {
	if in[0].Dtype != o.to && in[0].Dtype != tape.Int32 && o.to != tape.Int32 {
		return ir.Type{}, errors.Errorf("%v does not become %v: one program has one floating-point type", in[0].Dtype, o.to)
	}
	return ir.Type{Dtype: o.to, Shape: in[0].Shape}, nil
}
func (o cast) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Cast(in[0], o.to) }

package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Sign is -1, 0 or 1 as x is negative, zero or positive; NaN for NaN. Its derivative is 0 wherever it has one.
func (b *Builder) Sign(x *G.Node) *G.Node { return b.apply(sign{}, x) }

type sign struct{ constant }

func (sign) String() string                                { return "Sign" }
func (sign) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (sign) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Sign, in...) }

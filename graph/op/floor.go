package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Floor is the largest integer <= x. Its derivative is 0 wherever it has one.
func (b *Builder) Floor(x *G.Node) *G.Node { return b.apply(floor{}, x) }

type floor struct{ constant }

func (floor) String() string                                { return "Floor" }
func (floor) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (floor) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Floor, in...) }

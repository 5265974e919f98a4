package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// StopGradient is x, taken for a constant by differentiation.
func (b *Builder) StopGradient(x *G.Node) *G.Node { return b.apply(stopGradient{}, x) }

type stopGradient struct{ constant }

func (stopGradient) String() string                                { return "StopGradient" }
func (stopGradient) Type(in []ir.Type) (ir.Type, error)            { return in[0], nil }
func (stopGradient) Lower(_ *ir.Builder, in []*ir.Value) *ir.Value { return in[0] }

package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Lt is 1 where x < y, else 0, broadcast. Integers give integers, all else the floating-point type. It has no
// derivative.
func (b *Builder) Lt(x, y *G.Node) *G.Node { return b.apply(lt{}, x, y) }

type lt struct{ comparison }

func (lt) String() string                                { return "Lt" }
func (lt) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return compare(b, tape.Lt, in) }

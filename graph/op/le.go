package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Le is 1 where x <= y, else 0, broadcast. Integers give integers, all else the floating-point type. It has no
// derivative.
func (b *Builder) Le(x, y *G.Node) *G.Node { return b.apply(le{}, x, y) }

type le struct{ comparison }

func (le) String() string                                { return "Le" }
func (le) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return compare(b, tape.Le, in) }

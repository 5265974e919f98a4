package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Ne is 1 where x != y, else 0, broadcast. Integers give integers, all else the floating-point type. It has no
// derivative.
func (b *Builder) Ne(x, y *G.Node) *G.Node { return b.apply(ne{}, x, y) }

type ne struct{ comparison }

func (ne) String() string                                { return "Ne" }
func (ne) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return compare(b, tape.Ne, in) }

package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Eq is 1 where x == y, else 0, broadcast. Integers give integers, all else the floating-point type. It has no
// derivative.
func (b *Builder) Eq(x, y *G.Node) *G.Node { return b.apply(eq{}, x, y) }

type eq struct{ comparison }

func (eq) String() string                                { return "Eq" }
func (eq) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return compare(b, tape.Eq, in) }

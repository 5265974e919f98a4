package lower

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/ir"
)

// stock translates a node with one of Gorgonia's own ops.
func stock(b *ir.Builder, n *G.Node, in []*ir.Value) (*ir.Value, error) {
	return nil, errors.Errorf("op %v (%T) is not known", n.Op(), n.Op())
}

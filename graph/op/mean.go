package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// Mean is the mean of the elements of x over axes, which disappear; without axes over all of them.
func (b *Builder) Mean(x *G.Node, axes ...int) *G.Node {
	sum := b.Sum(x, axes...)
	if b.err != nil {
		return sum
	}
	n := ir.Shape(x.Shape()).Size() / ir.Shape(sum.Shape()).Size()
	return b.Affine(sum, 1/float64(n), 0)
}

package op

import (
	"slices"

	G "gorgonia.org/gorgonia"
)

// Stack joins tensors of one shape along a new axis.
func (b *Builder) Stack(axis int, xs ...*G.Node) *G.Node {
	xs = slices.Clone(xs)
	for i, x := range xs {
		xs[i] = b.Expand(x, axis)
	}
	return b.Concat(axis, xs...)
}

package op

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Stack joins tensors of one shape along a new axis.
func (b *Builder) Stack(axis int, xs ...*G.Node) *G.Node {
	if !b.usable("Stack", xs...) {
		return b.broken()
	}
	xs = slices.Clone(xs)
	for _, x := range xs {
		if !slices.Equal(x.Shape(), xs[0].Shape()) {
			return b.fail(errors.Errorf("Stack of %s: the shapes differ", describe(xs)))
		}
	}
	for i, x := range xs {
		xs[i] = b.Expand(x, axis)
	}
	return b.Concat(axis, xs...)
}

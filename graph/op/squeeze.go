package op

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Squeeze removes the axis of x, whose dimension must be 1.
func (b *Builder) Squeeze(x *G.Node, axis int) *G.Node {
	if !b.usable("Squeeze", x) {
		return b.broken()
	}
	shape := slices.Clone([]int(x.Shape()))
	a, err := axisOf(shape, axis)
	if err == nil && shape[a] != 1 {
		err = errors.Errorf("axis %d of shape %v is not 1", axis, shape)
	}
	if err != nil {
		return b.fail(errors.Wrapf(err, "Squeeze of %s", describe([]*G.Node{x})))
	}
	return b.Reshape(x, slices.Delete(shape, a, a+1)...)
}

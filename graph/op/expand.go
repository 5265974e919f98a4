package op

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Expand gives x a new dimension 1, which becomes axis; -1 puts it behind the last.
func (b *Builder) Expand(x *G.Node, axis int) *G.Node {
	if !b.usable("Expand", x) {
		return b.broken()
	}
	shape := append(slices.Clone([]int(x.Shape())), 1)
	a, err := axisOf(shape, axis)
	if err != nil {
		return b.fail(errors.Wrapf(err, "Expand of %s", describe([]*G.Node{x})))
	}
	return b.Reshape(x, slices.Insert(shape[:len(shape)-1], a, 1)...)
}

package op

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Split cuts x into n equal parts along an axis: the gates of a fused cell. There are always n results.
func (b *Builder) Split(x *G.Node, axis, n int) []*G.Node {
	parts := make([]*G.Node, max(n, 0))
	for i := range parts {
		parts[i] = b.broken()
	}
	if !b.usable("Split", x) {
		return parts
	}
	a, err := axisOf(x.Shape(), axis)
	if err == nil && (n < 1 || x.Shape()[a]%n != 0) {
		err = errors.Errorf("axis %d of shape %v does not divide into %d equal parts", axis, []int(x.Shape()), n)
	}
	if err != nil {
		b.fail(errors.Wrapf(err, "Split of %s", describe([]*G.Node{x})))
		return parts
	}
	size := x.Shape()[a] / n
	for i := range parts {
		parts[i] = b.Slice(x, a, i*size, (i+1)*size)
	}
	return parts
}

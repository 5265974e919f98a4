package op

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Dropout sets each element of x to 0 with probability p and multiplies the others by 1/(1-p), so that the mean
// stays (Srivastava et al., 2014). key is N...×4 and x begins with the same N...: x[n...] is dropped as
// key[n...] says; see Uniform. With p = 0 it is x.
func (b *Builder) Dropout(x *G.Node, p float64, key *G.Node) *G.Node {
	if !b.usable("Dropout", x, key) {
		return b.broken()
	}
	if !(p >= 0 && p < 1) {
		return b.fail(errors.Errorf("Dropout of %s: probability %g lies outside of [0, 1)", describe([]*G.Node{x, key}), p))
	}
	if p == 0 {
		return x
	}
	n := key.Dims() - 1
	if n < 0 || n > x.Dims() || !slices.Equal(x.Shape()[:n], key.Shape()[:n]) {
		return b.fail(errors.Errorf("Dropout of %s: the shape does not begin as that of the keys does",
			describe([]*G.Node{x, key})))
	}
	dropped := b.Lt(b.Uniform(key, x, x.Shape()[n:]...), b.Fill(x, p))
	return b.Where(dropped, b.Fill(x, 0), b.Affine(x, 1/(1-p), 0))
}

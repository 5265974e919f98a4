package op

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Clamp is x limited to [lo, hi]. The derivative is 1 within and at the limits, 0 outside.
func (b *Builder) Clamp(x *G.Node, lo, hi float64) *G.Node {
	if !b.usable("Clamp", x) {
		return b.broken()
	}
	if !(lo <= hi) {
		return b.fail(errors.Errorf("Clamp of %s to [%g, %g]: the interval is empty", describe([]*G.Node{x}), lo, hi))
	}
	low, high := b.Fill(x, lo), b.Fill(x, hi)
	return b.Where(b.Lt(x, low), low, b.Where(b.Lt(high, x), high, x))
}

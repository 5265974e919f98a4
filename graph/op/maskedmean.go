package op

import G "gorgonia.org/gorgonia"

// MaskedMean is Σ mask ⊙ x / Σ mask, a scalar: the mean of x weighted by mask, which is broadcast to x and may
// be of integers. It is 0 if the mask is 0 everywhere.
func (b *Builder) MaskedMean(x, mask *G.Node) *G.Node {
	if !b.usable("MaskedMean", x, mask) {
		return b.broken()
	}
	weight := b.Broadcast(b.Cast(mask, x), x.Shape()...)
	total := b.Sum(weight)
	return b.Div(b.Sum(b.Mul(weight, x)), b.Where(total, total, b.Fill(x, 1)))
}

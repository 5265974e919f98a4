package op

import (
	"math"

	G "gorgonia.org/gorgonia"
)

// LogSumExp is ln Σ eˣ over axes, which disappear; without axes over all elements. It is computed as ln Σ eˣ⁻ᵐ
// + m with m the largest element, which does not overflow. Where all elements are -∞, as those of what is
// forbidden are, it is -∞ and has the derivative 0.
func (b *Builder) LogSumExp(x *G.Node, axes ...int) *G.Node {
	m := b.StopGradient(b.MaxOver(x, axes...))
	if b.err != nil {
		return b.broken()
	}
	m = b.Where(b.Lt(b.Abs(m), b.Fill(m, math.Inf(1))), m, b.Fill(m, 0)) // ∞-∞ is not a number
	sum := b.Sum(b.Exp(b.Sub(x, b.keep(m, x, axes))), axes...)
	nothing := b.Eq(sum, b.Fill(sum, 0))
	ln := b.Log(b.Where(nothing, b.Fill(sum, 1), sum))
	return b.Add(b.Where(nothing, b.Fill(sum, math.Inf(-1)), ln), m)
}

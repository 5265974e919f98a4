package op

import G "gorgonia.org/gorgonia"

// LogRising is ln Γ(x+k) - ln Γ(x), the logarithm of the rising factorial x(x+1)...(x+k-1), which is also defined for
// k that are no integers; x > 0 and k ≥ 0. ln Γ(y) is LogRising(1, y-1), and ln k! is LogRising(1, k).
//
// It is Stirling's series for both (Abramowitz and Stegun, 6.1.40), written so that what they have in common is never
// computed: neither the value nor the derivative loses digits where x is large and k is small. The relative error in
// float64 is below 1e-12 where the value is not near 0.
//
//	x ≥ 8:  (x-½) ln(1+k/x) + k (ln(x+k) - 1) + s(x+k) - s(x)       s(z) = 1/12z - 1/360z³ + 1/1260z⁵ - 1/1680z⁷ + 1/1188z⁹
//	x < 8:  the same for x+8, plus Σ ln (x+i)/(x+k+i) over i = 0, ..., 7
func (b *Builder) LogRising(x, k *G.Node) *G.Node {
	if !b.usable("LogRising", x, k) {
		return b.broken()
	}
	eight := b.Fill(x, 8)
	small := b.Lt(x, eight)
	z := b.Where(small, b.Add(x, eight), x)
	y := b.Add(z, k)
	large := b.Add(b.Mul(b.Affine(z, 1, -0.5), b.Log1p(b.Div(k, z))), b.Mul(k, b.Affine(b.Log(y), 1, -1)))
	large = b.Add(large, b.Sub(b.stirling(y), b.stirling(z)))

	// x(x+7) and constants are the products of the terms with i = 0 and 7, 1 and 6, 2 and 5, 3 and 4.
	first, last := b.Mul(x, b.Affine(x, 1, 7)), b.Add(x, k)
	last = b.Mul(last, b.Affine(last, 1, 7))
	shift := b.Sub(b.Log(first), b.Log(last))
	for _, c := range []float64{6, 10, 12} {
		shift = b.Add(shift, b.Log(b.Div(b.Affine(first, 1, c), b.Affine(last, 1, c))))
	}
	return b.Add(large, b.Where(small, shift, b.Fill(x, 0)))
}

// stirling is s(z) of LogRising.
func (b *Builder) stirling(z *G.Node) *G.Node {
	r := b.Div(b.Fill(z, 1), z)
	square := b.Square(r)
	sum := b.Affine(square, 1./1188, -1./1680)
	for _, c := range []float64{1. / 1260, -1. / 360, 1. / 12} {
		sum = b.Affine(b.Mul(sum, square), 1, c)
	}
	return b.Mul(sum, r)
}

package op

import G "gorgonia.org/gorgonia"

func init() {
	affine := func(b *Builder, x *G.Node) *G.Node { return b.Affine(x, -2.5, 0.75) }
	cases["Affine"] = unary(affine, func(x float64) float64 { return -2.5*x + 0.75 }, -2, 2)
}

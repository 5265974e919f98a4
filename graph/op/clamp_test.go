package op

import G "gorgonia.org/gorgonia"

func init() {
	clamp := func(b *Builder, x *G.Node) *G.Node { return b.Clamp(x, -0.5, 1) }
	cases["Clamp"] = unary(clamp, func(x float64) float64 { return min(max(x, -0.5), 1) }, -2, 2)

	empty := func(b *Builder, x *G.Node) *G.Node { return b.Clamp(x, 1, -0.5) }
	cases["Clamp to nothing"] = opCase{build: one(empty), bad: shapes(-1, 1, []int{2, 3})}
}

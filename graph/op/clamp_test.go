package op

import (
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/tape"
)

func init() {
	clamp := func(b *Builder, x *G.Node) *G.Node { return b.Clamp(x, -0.5, 1) }
	cases["Clamp"] = unary(clamp, func(x float64) float64 { return min(max(x, -0.5), 1) }, -2, 2)

	empty := func(b *Builder, x *G.Node) *G.Node { return b.Clamp(x, 1, -0.5) }
	cases["Clamp to nothing"] = opCase{build: one(empty), bad: shapes(-1, 1, []int{2, 3})}
}

// checkSlopes checks derivatives at places where central differences tell another one.
func checkSlopes(t *testing.T, method func(b *Builder, x *G.Node) *G.Node, x, want []float64) {
	t.Helper()
	b, in := inputs(tape.Float64, []input{floats(0, 0, len(x))})
	gs, err := G.Grad(b.Sum(method(b, in[0])), in...)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "derivative", plainly.compute(t, tape.Float64, in, []array{{[]int{len(x)}, x}}, gs...)[0],
		array{[]int{len(x)}, want}, 0)
}

func TestClampAtItsLimits(t *testing.T) {
	clamp := func(b *Builder, x *G.Node) *G.Node { return b.Clamp(x, -0.5, 1) }
	checkSlopes(t, clamp, []float64{-0.6, -0.5, 0, 1, 1.1}, []float64{0, 1, 1, 1, 0})
}

package op

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
)

func init() {
	cases["Pow"] = binary((*Builder).Pow, math.Pow, 0.5, 2)
}

// The limits where the formula of the derivative says 0·∞: of x⁰ and of 0ʸ.
func TestPowAtZero(t *testing.T) {
	toTheZero := func(b *Builder, x *G.Node) *G.Node { return b.Pow(x, b.Fill(x, 0)) }
	checkSlopes(t, toTheZero, []float64{0, 2}, []float64{0, 0})
	ofZero := func(b *Builder, y *G.Node) *G.Node { return b.Pow(b.Fill(y, 0), y) }
	checkSlopes(t, ofZero, []float64{0, 1, 2}, []float64{0, 0, 0})
}

package op

import (
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
)

func init() {
	reduction("MaxOver", (*Builder).MaxOver, slices.Max[[]float64])
	cases["MaxOver equals"] = opCase{ // half of the gradient to each of two
		build: one(func(b *Builder, x *G.Node) *G.Node { return b.MaxOver(x, 1) }),
		want:  func(in []array) array { return reduceArray(in[0], []int{1}, slices.Max[[]float64]) },
		at:    [][]input{{whole(0, 1, 9, 2)}, {whole(0, 1, 3, 2, 3)}},
	}
}

func TestMaxOverOfThreeEquals(t *testing.T) {
	largest := func(b *Builder, x *G.Node) *G.Node { return b.MaxOver(x) }
	checkSlopes(t, largest, []float64{2, 1, 2, 2, 0, 2}, []float64{0.25, 0, 0.25, 0.25, 0, 0.25})
}

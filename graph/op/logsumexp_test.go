package op

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/tape"
)

func init() {
	reduction("LogSumExp", (*Builder).LogSumExp, func(xs []float64) float64 {
		sum := 0.0
		for _, x := range xs {
			sum += math.Exp(x)
		}
		return math.Log(sum)
	})
}

// Neither large numbers nor infinite ones become NaN.
func TestLogSumExpOfLargeNumbers(t *testing.T) {
	inf := math.Inf(1)
	b, in := inputs(tape.Float32, []input{floats(0, 0, 5, 2)})
	x := array{[]int{5, 2}, []float64{1000, 1000, -1000, -1000, -inf, 3, -inf, -inf, inf, 0}}
	want := array{[]int{5}, []float64{1000 + math.Ln2, -1000 + math.Ln2, 3, -inf, inf}}
	near(t, "LogSumExp", plainly.compute(t, tape.Float32, in, []array{x}, b.LogSumExp(in[0], 1))[0], want, 1e-6)
}

// What is forbidden has no influence on derivatives, not even where all is.
func TestLogSumExpOfNothing(t *testing.T) {
	inf := math.Inf(1)
	b, in := inputs(tape.Float64, []input{floats(0, 0, 3, 2)})
	y := b.LogSumExp(in[0], 1) // 3
	g, err := G.Grad(b.Sum(b.Exp(y)), in[0])
	if err != nil {
		t.Fatal(err)
	}
	x := array{[]int{3, 2}, []float64{-inf, -inf, -inf, 1, 0, 1}}
	want := array{[]int{3, 2}, []float64{0, 0, 0, math.E, 1, math.E}}
	near(t, "derivative", plainly.compute(t, tape.Float64, in, []array{x}, g...)[0], want, 1e-12)
}

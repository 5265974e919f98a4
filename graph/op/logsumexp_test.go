package op

import (
	"math"
	"testing"

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

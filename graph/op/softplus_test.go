package op

import (
	"math"
	"testing"

	"github.com/unroll-ml/unroll/graph/tape"
)

func init() {
	cases["Softplus"] = unary((*Builder).Softplus, func(x float64) float64 { return math.Log(1 + math.Exp(x)) }, -5, 5)
}

func TestSoftplusDoesNotOverflow(t *testing.T) {
	b, in := inputs(tape.Float32, []input{floats(0, 0, 2)})
	x := array{[]int{2}, []float64{1000, -1000}}
	near(t, "Softplus", plainly.compute(t, tape.Float32, in, []array{x}, b.Softplus(in[0]))[0],
		array{[]int{2}, []float64{1000, 0}}, 0)
}

package op

import "testing"

func init() {
	cases["ReLU"] = unary((*Builder).ReLU, func(x float64) float64 { return max(x, 0) }, -2, 2)
}

func TestReLUAtZero(t *testing.T) {
	checkSlopes(t, (*Builder).ReLU, []float64{-1, 0, 1}, []float64{0, 0, 1})
}

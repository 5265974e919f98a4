package op

import "math"

func init() {
	cases["Sigmoid"] = unary((*Builder).Sigmoid, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, -5, 5)
}

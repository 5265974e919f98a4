package op

import "math"

func init() {
	cases["Softplus"] = unary((*Builder).Softplus, func(x float64) float64 { return math.Log(1 + math.Exp(x)) }, -5, 5)
}

package op

import "math"

func init() {
	cases["Tanh"] = unary((*Builder).Tanh, math.Tanh, -3, 3)
}

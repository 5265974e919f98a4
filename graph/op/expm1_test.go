package op

import "math"

func init() {
	cases["Expm1"] = unary((*Builder).Expm1, math.Expm1, -3, 2)
}

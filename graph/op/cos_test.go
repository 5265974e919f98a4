package op

import "math"

func init() {
	cases["Cos"] = unary((*Builder).Cos, math.Cos, -4, 4)
}

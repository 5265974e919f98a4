package op

import "math"

func init() {
	cases["Exp"] = unary((*Builder).Exp, math.Exp, -3, 2)
}

package op

import "math"

func init() {
	cases["Log1p"] = unary((*Builder).Log1p, math.Log1p, -0.7, 4)
}

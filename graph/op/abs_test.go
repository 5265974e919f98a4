package op

import "math"

func init() {
	cases["Abs"] = unary((*Builder).Abs, math.Abs, -2, 2)
}

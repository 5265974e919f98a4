package op

import "math"

func init() {
	cases["Sqrt"] = unary((*Builder).Sqrt, math.Sqrt, 0.25, 4)
}

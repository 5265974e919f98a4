package op

import "math"

func init() {
	cases["Log"] = unary((*Builder).Log, math.Log, 0.25, 4)
}

package op

import "math"

func init() {
	cases["Sin"] = unary((*Builder).Sin, math.Sin, -4, 4)
}

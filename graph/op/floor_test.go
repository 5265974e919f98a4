package op

import "math"

func init() {
	cases["Floor"] = unary((*Builder).Floor, math.Floor, -3, 3).asConstants()
}

package op

import "math"

func init() {
	cases["Pow"] = binary((*Builder).Pow, math.Pow, 0.5, 2)
}

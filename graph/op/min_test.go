package op

import "math"

func init() {
	cases["Min"] = binary((*Builder).Min, math.Min, -2, 2)

	ties := cases["Min"] // half of the gradient to each of two equals
	ties.at = [][]input{{whole(0, 1, 7), whole(0, 1, 7)}, {whole(0, 1, 4, 1), whole(0, 1, 5)}}
	ties.bad = nil
	cases["Min of equals"] = ties
}

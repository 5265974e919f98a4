package op

import "math"

func init() {
	cases["Tanh"] = unary((*Builder).Tanh, math.Tanh, -3, 3)

	integers := opCase{build: cases["Tanh"].build, bad: [][]input{{ints(0, 9, 2)}}}
	cases["Tanh of integers"] = integers
}

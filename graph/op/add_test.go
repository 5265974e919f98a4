package op

func init() {
	cases["Add"] = binary((*Builder).Add, func(x, y float64) float64 { return x + y }, -2, 2)

	integers := opCase{build: cases["Add"].build, bad: [][]input{{ints(0, 9, 2), ints(0, 9, 2)}}}
	cases["Add of integers"] = integers
}

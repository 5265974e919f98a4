package op

func init() {
	cases["Add"] = binary((*Builder).Add, func(x, y float64) float64 { return x + y }, -2, 2)
}

package op

func init() {
	cases["Mul"] = binary((*Builder).Mul, func(x, y float64) float64 { return x * y }, -2, 2)
}

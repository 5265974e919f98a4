package op

func init() {
	cases["Square"] = unary((*Builder).Square, func(x float64) float64 { return x * x }, -2, 2)
}

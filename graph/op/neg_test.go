package op

func init() {
	cases["Neg"] = unary((*Builder).Neg, func(x float64) float64 { return -x }, -2, 2)
}

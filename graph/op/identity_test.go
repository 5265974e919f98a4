package op

func init() {
	cases["Identity"] = unary((*Builder).Identity, func(x float64) float64 { return x }, -2, 2)
}

package op

func init() {
	cases["ReLU"] = unary((*Builder).ReLU, func(x float64) float64 { return max(x, 0) }, -2, 2)
}

package op

func init() {
	cases["StopGradient"] = unary((*Builder).StopGradient, func(x float64) float64 { return x }, -2, 2).asConstants()
}

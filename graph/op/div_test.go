package op

func init() {
	cases["Div"] = binary((*Builder).Div, func(x, y float64) float64 { return x / y }, 0.5, 2)
}

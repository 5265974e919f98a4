package op

func init() {
	cases["Sub"] = binary((*Builder).Sub, func(x, y float64) float64 { return x - y }, -2, 2)
}

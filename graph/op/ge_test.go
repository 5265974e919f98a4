package op

func init() {
	cases["Ge"] = compared((*Builder).Ge, func(x, y float64) bool { return x >= y })
}

package op

func init() {
	cases["Lt"] = compared((*Builder).Lt, func(x, y float64) bool { return x < y })
}

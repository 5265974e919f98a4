package op

func init() {
	cases["Ne"] = compared((*Builder).Ne, func(x, y float64) bool { return x != y })
}

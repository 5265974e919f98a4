package op

func init() {
	cases["Eq"] = compared((*Builder).Eq, func(x, y float64) bool { return x == y })
}

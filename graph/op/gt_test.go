package op

func init() {
	cases["Gt"] = compared((*Builder).Gt, func(x, y float64) bool { return x > y })
}

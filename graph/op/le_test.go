package op

func init() {
	cases["Le"] = compared((*Builder).Le, func(x, y float64) bool { return x <= y })
}

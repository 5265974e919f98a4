package op

func init() {
	cases["Sign"] = unary((*Builder).Sign, func(x float64) float64 {
		switch {
		case x < 0:
			return -1
		case x > 0:
			return 1
		}
		return 0
	}, -2, 2).asConstants()
}

func (c opCase) asConstants() opCase {
	c.constants = true
	return c
}

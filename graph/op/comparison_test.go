package op

import G "gorgonia.org/gorgonia"

// compared is the case of a comparison, with ties.
func compared(method func(b *Builder, x, y *G.Node) *G.Node, f func(x, y float64) bool) opCase {
	c := binary(method, func(x, y float64) float64 {
		if f(x, y) {
			return 1
		}
		return 0
	}, -1, 1)
	c.constants = true
	for _, in := range c.at {
		for i := range in {
			in[i].whole = true
		}
	}
	c.at = append(c.at, []input{ints(-1, 1, 3, 4), ints(-1, 1, 4)}, []input{ints(-1, 1, 9), whole(-1, 1, 9)})
	return c
}

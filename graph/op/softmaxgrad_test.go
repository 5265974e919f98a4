package op

import G "gorgonia.org/gorgonia"

func init() {
	cases["softmaxGrad"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.softmaxGrad(in[0], in[1]) },
		want: rowwise(func(x [][]float64) []float64 {
			y, g, dx := x[0], x[1], make([]float64, len(x[0]))
			for i := range y { // by the Jacobian: dy_j/dx_i = y_j ([i = j] - y_i)
				for j := range y {
					dx[i] -= g[j] * y[j] * y[i]
				}
				dx[i] += g[i] * y[i]
			}
			return dx
		}),
		at:  alike(2, rowShapes),
		bad: [][]input{{floats(0, 1), floats(0, 1)}, {floats(0, 1, 2, 3), floats(0, 1, 3)}},
	}
}

// alike is n inputs of the same shape, for each shape.
func alike(n int, shapes [][]int) (at [][]input) {
	for _, s := range shapes {
		in := make([]input, n)
		for i := range in {
			in[i] = floats(-1, 1, s...)
		}
		at = append(at, in)
	}
	return at
}

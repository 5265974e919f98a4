package op

import (
	"math"

	G "gorgonia.org/gorgonia"
)

func init() {
	cases["logSoftmaxGrad"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.logSoftmaxGrad(in[0], in[1]) },
		want: rowwise(func(x [][]float64) []float64 {
			y, g, dx := x[0], x[1], make([]float64, len(x[0]))
			for i := range y { // by the Jacobian: dy_j/dx_i = [i = j] - e^y_i
				for j := range y {
					dx[i] -= g[j] * math.Exp(y[i])
				}
				dx[i] += g[i]
			}
			return dx
		}),
		at:  alike(2, rowShapes),
		bad: [][]input{{floats(0, 1), floats(0, 1)}, {floats(0, 1, 2, 3), floats(0, 1, 3)}},
	}
}

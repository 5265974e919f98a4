package op

import G "gorgonia.org/gorgonia"

func init() {
	for name, smoothing := range map[string]float64{"crossEntropyGrad": 0, "crossEntropyGrad smoothed": 0.2} {
		cases[name] = opCase{
			build: func(b *Builder, in []*G.Node) *G.Node {
				return b.crossEntropyGrad(crossEntropy{masked: len(in) == 4, smoothing: smoothing}, in[0], in[1], in[2], in[3:])
			},
			want: func(in []array) array {
				dx := zeros(in[0].shape...)
				eachRow(in, func(r int, x, others []float64) {
					q, p := smoothed(others[0], len(x), smoothing), softmaxOf(x)
					for j := range x {
						d := (p[j] - q[j]) * others[1]
						if len(others) > 2 {
							d *= others[2]
						}
						dx.data[r*len(x)+j] = d
					}
				})
				return dx
			},
			at: [][]input{
				{floats(-2, 2, 5), ints(0, 4), floats(-1, 1)},
				{floats(-2, 2, 3, 4), ints(0, 3, 3), floats(-1, 1, 3)},
				{floats(-2, 2, 6, 4), ints(0, 3, 6), floats(-1, 1, 6), whole(0, 1, 6)},
				{floats(-2, 2, 2, 3, 4), ints(0, 3, 2, 3), floats(-1, 1, 2, 3), floats(0, 2, 2, 3)},
			},
			bad:      [][]input{{floats(-2, 2, 3, 4), ints(0, 3, 3), floats(-1, 1, 4)}},
			constant: []int{3},
		}
	}
}

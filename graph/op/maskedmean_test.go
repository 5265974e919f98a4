package op

import G "gorgonia.org/gorgonia"

func init() {
	cases["MaskedMean"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.MaskedMean(in[0], in[1]) },
		want: func(in []array) array {
			x, mask := in[0], in[1]
			sum, n := 0.0, 0.0
			fillArray(x.shape, func(i []int) float64 {
				sum += x.at(i...) * mask.at(i...)
				n += mask.at(i...)
				return 0
			})
			if n == 0 {
				return zeros()
			}
			return array{nil, []float64{sum / n}}
		},
		at: [][]input{
			{floats(-1, 1, 4), floats(0.5, 2, 4)},
			{floats(-1, 1, 3, 4), floats(0.5, 2, 3, 1)},
			{floats(-1, 1, 3, 4), ints(0, 1, 3, 4)},
			{floats(-1, 1, 3, 4), ints(0, 0, 3, 4)},
			{floats(-1, 1), floats(1, 2)},
		},
		bad: [][]input{{floats(-1, 1, 3, 4), floats(0, 1, 3)}, {floats(-1, 1, 3), floats(0, 1, 2, 3)}},
	}
}

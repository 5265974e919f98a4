package op

import (
	"math"

	G "gorgonia.org/gorgonia"
)

// rowwise is the plain formula of functions of rows: f computes one row of the result from the same row of each input.
func rowwise(f func(rows [][]float64) []float64) func(in []array) array {
	return func(in []array) array {
		y := zeros(in[0].shape...)
		n := y.shape[len(y.shape)-1]
		for k := 0; k < len(y.data); k += n {
			rows := make([][]float64, len(in))
			for i, x := range in {
				rows[i] = x.data[k : k+n]
			}
			copy(y.data[k:], f(rows))
		}
		return y
	}
}

func softmaxOf(x []float64) []float64 {
	y, sum := make([]float64, len(x)), 0.0
	for i, v := range x {
		y[i] = math.Exp(v)
		sum += y[i]
	}
	for i := range y {
		y[i] /= sum
	}
	return y
}

var rowShapes = [][]int{{4}, {1}, {2, 3}, {3, 1}, {2, 1, 5}, {2, 3, 2, 4}}

func init() {
	cases["Softmax"] = opCase{
		build: one((*Builder).Softmax),
		want:  rowwise(func(x [][]float64) []float64 { return softmaxOf(x[0]) }),
		at:    shapes(-2, 2, rowShapes...),
		bad:   [][]input{{floats(-1, 1)}, {ints(0, 9, 2, 3)}},
	}
	cases["MaskedSoftmax"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.MaskedSoftmax(in[0], in[1]) },
		want: func(in []array) array {
			x, mask := in[0], in[1]
			return rowwise(func(x [][]float64) []float64 {
				y, sum := make([]float64, len(x[0])), 0.0
				for i, v := range x[0] {
					if x[1][i] != 0 {
						y[i] = math.Exp(v)
						sum += y[i]
					}
				}
				for i := range y {
					if sum > 0 {
						y[i] /= sum
					}
				}
				return y
			})([]array{x, fillArray(x.shape, func(i []int) float64 { return mask.at(i...) })})
		},
		at: [][]input{
			{floats(-2, 2, 6), whole(0, 1, 6)},
			{floats(-2, 2, 5, 2), ints(0, 1, 5, 2)}, // with rows of which all are masked
			{floats(-2, 2, 3, 2, 4), whole(0, 1, 2, 4)},
			{floats(-2, 2, 3, 2, 4), ints(0, 1, 3, 1, 4)},
			{floats(-2, 2, 3, 2), ints(0, 0, 1)},
		},
		bad:      [][]input{{floats(-1, 1, 2, 3), whole(0, 1, 2)}, {floats(-1, 1, 3), whole(0, 1, 2, 3)}},
		constant: []int{1},
	}
}

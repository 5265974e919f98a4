package op

import "math"

func init() {
	cases["LogSoftmax"] = opCase{
		build: one((*Builder).LogSoftmax),
		want: rowwise(func(x [][]float64) []float64 {
			y := softmaxOf(x[0])
			for i := range y {
				y[i] = math.Log(y[i])
			}
			return y
		}),
		at:  shapes(-2, 2, rowShapes...),
		bad: [][]input{{floats(-1, 1)}, {ints(0, 9, 2, 3)}},
	}
}

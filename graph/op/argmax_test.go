package op

func init() {
	cases["Argmax"] = opCase{
		build: one((*Builder).Argmax),
		want: func(in []array) array {
			return reduceArray(in[0], []int{-1}, func(xs []float64) float64 {
				best := 0
				for i, x := range xs {
					if x > xs[best] {
						best = i
					}
				}
				return float64(best)
			})
		},
		at:        [][]input{{floats(-1, 1, 5)}, {floats(-1, 1, 1)}, {whole(0, 2, 6, 4)}, {floats(-1, 1, 2, 3, 4)}},
		bad:       [][]input{{floats(-1, 1)}, {ints(0, 9, 2, 3)}},
		constants: true,
	}
}

package op

import "math"

func init() {
	reduction("LogSumExp", (*Builder).LogSumExp, func(xs []float64) float64 {
		sum := 0.0
		for _, x := range xs {
			sum += math.Exp(x)
		}
		return math.Log(sum)
	})
}

package metrics

import "math"

// SMAPE is the symmetric mean absolute percentage error of the M4 competition, 0 to 200:
//
//	mean over t of 200·|y(t) - f(t)| / (|y(t)| + |f(t)|)
//
// 0/0, a value of 0 that was forecast, is no error: 0. Missing values are left out; NaN if there are none.
func SMAPE(actual, forecast []float64) float64 {
	return meanOver(actual, func(t int, y float64) float64 {
		if y == forecast[t] {
			return 0
		}
		return 200 * math.Abs(y-forecast[t]) / (math.Abs(y) + math.Abs(forecast[t]))
	})
}

// MAE is the mean absolute error. Missing values are left out; NaN if there are none.
func MAE(actual, forecast []float64) float64 {
	return meanOver(actual, func(t int, y float64) float64 { return math.Abs(y - forecast[t]) })
}

// RMSE is the root of the mean squared error. Missing values are left out; NaN if there are none.
func RMSE(actual, forecast []float64) float64 {
	return math.Sqrt(meanOver(actual, func(t int, y float64) float64 { return (y - forecast[t]) * (y - forecast[t]) }))
}

// R2 is the coefficient of determination: 1 - Σ(y - ŷ)² / Σ(y - mean of y)². It is 1 for predictions without an
// error, 0 for those that are as good as the mean of what is measured, and NaN where all of that is the same.
func R2(actual, forecast []float64) float64 {
	mean := meanOver(actual, func(_ int, y float64) float64 { return y })
	errors := meanOver(actual, func(t int, y float64) float64 { return (y - forecast[t]) * (y - forecast[t]) })
	spread := meanOver(actual, func(_ int, y float64) float64 { return (y - mean) * (y - mean) })
	if spread == 0 {
		return math.NaN()
	}
	return 1 - errors/spread
}

// MASE is the mean absolute scaled error (Hyndman and Koehler, 2006): MAE divided by SeasonalScale of the history.
// NaN where that is 0 or NaN, for then there is nothing to compare with.
func MASE(actual, forecast []float64, scale float64) float64 {
	if !(scale > 0) {
		return math.NaN()
	}
	return MAE(actual, forecast) / scale
}

// SeasonalScale is the mean absolute error of SeasonalNaive a season ahead, within a history:
//
//	mean of |x(t) - x(t-m)|    t = m ... n-1
//
// Pairs of which a value is missing are left out; NaN if there are none, as in a history that is no longer than a
// season.
func SeasonalScale(history []float64, season int) float64 {
	if season < 1 || len(history) <= season {
		return math.NaN()
	}
	sum, n := 0.0, 0
	for t := season; t < len(history); t++ {
		if d := math.Abs(history[t] - history[t-season]); !math.IsNaN(d) {
			sum += d
			n++
		}
	}
	return sum / float64(n)
}

// OWA is the overall weighted average of the M4 competition: the mean of sMAPE and MASE, each divided by that of
// Naive2. Of several series the arguments are the means over them: it is a ratio of means, and not a mean of
// ratios. NaN where one of the denominators is 0.
func OWA(smape, mase, naive2SMAPE, naive2MASE float64) float64 {
	if naive2SMAPE == 0 || naive2MASE == 0 {
		return math.NaN()
	}
	return (smape/naive2SMAPE + mase/naive2MASE) / 2
}

// Pinball is the mean loss of forecasts of a quantile q (Koenker and Bassett, 1978), which the quantile itself
// makes smallest:
//
//	mean over t of max(q·(y(t) - f(t)), (q-1)·(y(t) - f(t)))
//
// Missing values are left out; NaN if there are none.
func Pinball(actual, forecast []float64, q float64) float64 {
	return meanOver(actual, func(t int, y float64) float64 { return pinball(y, forecast[t], q) })
}

func pinball(y, f, q float64) float64 { return math.Max(q*(y-f), (q-1)*(y-f)) }

// Coverage is the part of the values that lie in [low, high]. Missing values are left out; NaN if there are none.
func Coverage(actual, low, high []float64) float64 {
	return meanOver(actual, func(t int, y float64) float64 {
		if low[t] <= y && y <= high[t] {
			return 1
		}
		return 0
	})
}

// WeightedQuantileLoss is the mean over quantiles of their losses, in parts of the values (Salinas et al., 2020):
//
//	mean over q of 2·Σ max(q·(y - f), (q-1)·(y - f)) / Σ |y|    f = forecasts[q][t], sums over t
//
// Missing values are left out; NaN if the others are 0, or there are none. It is 0 where every quantile is right,
// and with the median alone it is the mean absolute error in parts of the mean value.
func WeightedQuantileLoss(actual []float64, forecasts [][]float64, quantiles []float64) float64 {
	loss := 0.0
	for i, q := range quantiles {
		loss += Pinball(actual, forecasts[i], q)
	}
	size := meanOver(actual, func(_ int, y float64) float64 { return math.Abs(y) })
	if size == 0 {
		return math.NaN()
	}
	return 2 * loss / float64(len(quantiles)) / size
}

// meanOver is the mean of f over the values that are not missing.
func meanOver(actual []float64, f func(t int, y float64) float64) float64 {
	sum, n := 0.0, 0
	for t, y := range actual {
		if !math.IsNaN(y) {
			sum += f(t, y)
			n++
		}
	}
	return sum / float64(n)
}

package metrics

import (
	"math"
	"slices"
)

// Naive is the simplest forecast: the last value of a history that is there, for each of the next steps. Without
// one it is NaN.
func Naive(history []float64, steps int) []float64 { return SeasonalNaive(history, 1, steps) }

// SeasonalNaive is the forecast that repeats the last season of a history. For a value that is missing there stands
// the last one of the same phase, and without any the last value of the history.
func SeasonalNaive(history []float64, season, steps int) []float64 {
	n, season := len(history), max(season, 1)
	forecast := make([]float64, steps)
	for h := range forecast {
		at := n + h - season*(h/season+1)
		for at >= 0 && math.IsNaN(history[at]) {
			at -= season
		}
		if forecast[h] = last(history); at >= 0 {
			forecast[h] = history[at]
		}
	}
	return forecast
}

// last is the last value that is there; NaN if there is none.
func last(history []float64) float64 {
	for _, x := range slices.Backward(history) {
		if !math.IsNaN(x) {
			return x
		}
	}
	return math.NaN()
}

// Naive2 is the benchmark of the M4 competition (Makridakis et al., 2020): Naive, of what is left when the
// seasonality is taken out, if Seasonal finds one:
//
//	f(n+h) = x(n-1) / s((n-1) mod m) · s((n+h) mod m)    h = 0, 1, ..., for indices s of SeasonalIndices and n values x
//
// Where it does not, or a value is not positive, which indices that multiply cannot have, it is Naive. Missing
// values are interpolated.
func Naive2(history []float64, season, steps int) []float64 {
	x := interpolated(history)
	if !Seasonal(x, season) || slices.Min(x) <= 0 {
		return Naive(x, steps)
	}
	n, s := len(x), SeasonalIndices(x, season)
	level := x[n-1] / s[(n-1)%season]
	forecast := make([]float64, steps)
	for h := range forecast {
		forecast[h] = level * s[(n+h)%season]
	}
	return forecast
}

// Seasonal is the test of the M4 competition: whether the autocorrelation r at the lag of a season m is larger than
// chance has it with probability 0.9, if the shorter lags are what they are (Bartlett, 1946):
//
//	|r(m)| > 1.645/√n · √(1 + 2·Σ r(k)²)    k = 1 ... m-1
//
// Fewer than three seasons are not seasonal, and neither is a season of 1. Missing values are interpolated. (The
// competition's own program looks at lags up to 10·log₁₀(n) only, and takes what is beyond for not seasonal. There
// no such case occurs in hourly data; here a lag is a lag.)
func Seasonal(history []float64, season int) bool {
	n := len(history)
	if season <= 1 || n < 3*season {
		return false
	}
	r := autocorrelations(interpolated(history), season)
	sum := 0.0
	for _, x := range r[1:season] {
		sum += x * x
	}
	return math.Abs(r[season]) > 1.645/math.Sqrt(float64(n))*math.Sqrt(1+2*sum)
}

// autocorrelations are those at the lags 0 ... most, with the mean and the denominator of all of x; NaN of a
// constant x.
func autocorrelations(x []float64, most int) []float64 {
	m := mean(x)
	r := make([]float64, most+1)
	for lag := range r {
		for t := lag; t < len(x); t++ {
			r[lag] += (x[t] - m) * (x[t-lag] - m)
		}
	}
	for lag := most; lag >= 0; lag-- {
		r[lag] /= r[0]
	}
	return r
}

// SeasonalIndices are the factors of the phases of a season, by classical multiplicative decomposition (Persons,
// 1919), whose mean is 1. Phase 0 is that of the first value. The trend is the mean over a season around a value;
// of an even season half of the values at both ends. A factor is the mean of value / trend over the values of its
// phase that have a trend. There must be two seasons of values, none of them missing, and the trend must not be 0.
// The season is at least 1.
func SeasonalIndices(history []float64, season int) []float64 {
	indices, counts := make([]float64, season), make([]float64, season)
	half := season / 2
	for t := half; t+half < len(history); t++ {
		trend := 0.0
		for _, x := range history[t-half : t+half+1] {
			trend += x
		}
		if season%2 == 0 {
			trend -= (history[t-half] + history[t+half]) / 2
		}
		indices[t%season] += history[t] / (trend / float64(season))
		counts[t%season]++
	}
	for i := range indices {
		indices[i] /= counts[i]
	}
	m := mean(indices)
	for i := range indices {
		indices[i] /= m
	}
	return indices
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// interpolated is x with straight lines over what is missing; at both ends the value that is next.
func interpolated(x []float64) []float64 {
	if !slices.ContainsFunc(x, math.IsNaN) {
		return x
	}
	filled := slices.Clone(x)
	before := -1 // the last that is there
	for t, v := range x {
		if math.IsNaN(v) {
			continue
		}
		for i := before + 1; i < t; i++ {
			if filled[i] = v; before >= 0 {
				filled[i] = x[before] + (v-x[before])*float64(i-before)/float64(t-before)
			}
		}
		before = t
	}
	for i := before + 1; i < len(x) && before >= 0; i++ {
		filled[i] = x[before]
	}
	return filled
}

package models

import "math"

// Decay is how the ratio of Teaching falls while a model learns, so that it meets its own mistakes later
// (Bengio et al., 2015): a probability for each training step, counted from 0.
type Decay func(step int) float64

// LinearDecay is max(least, from - slope·step).
func LinearDecay(from, slope, least float64) Decay {
	return func(step int) float64 { return max(least, from-slope*float64(step)) }
}

// ExponentialDecay is k^step, for k < 1.
func ExponentialDecay(k float64) Decay {
	return func(step int) float64 { return math.Pow(k, float64(step)) }
}

// InverseSigmoidDecay is k / (k + e^(step/k)), for k ≥ 1: k/(k+1) at first and ½ at step k ln k.
func InverseSigmoidDecay(k float64) Decay {
	return func(step int) float64 { return k / (k + math.Exp(float64(step)/k)) }
}

// InverseSigmoidHalf is the k ≥ 1 for which InverseSigmoidDecay is ½ at step n ≥ 0: k ln k = n, by Newton's method.
func InverseSigmoidHalf(n float64) float64 {
	k := 1 + n
	for range 100 {
		next := (k + n) / (1 + math.Log(k))
		if math.Abs(next-k) <= 1e-15*k {
			break
		}
		k = next
	}
	return k
}

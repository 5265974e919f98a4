package decode

import (
	"math"
	"slices"
)

// withoutRepeats is ln p of the next token, -∞ for those that would make the last n tokens a run that stands in the
// text already: of n = 3, "a b c ... a b" is not followed by c. The end token is not barred. n = 0 bars nothing. It
// changes no row of lnProbs.
func withoutRepeats(logProbs []float64, text []int32, n int, end int32) []float64 {
	if n < 1 || len(text) < n {
		return logProbs
	}
	last := text[len(text)-(n-1):]
	changed := false
	for at := range len(text) - n + 1 {
		next := text[at+n-1]
		if next == end || !slices.Equal(text[at:at+n-1], last) {
			continue
		}
		if !changed {
			logProbs, changed = slices.Clone(logProbs), true
		}
		logProbs[next] = math.Inf(-1)
	}
	return logProbs
}

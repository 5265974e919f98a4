package decode

import (
	"fmt"
	"math"
)

// NotFiniteError says that a model has computed something that is no number: then there is nothing to choose a
// token or a class by.
type NotFiniteError struct {
	Index int // of the score, a token or a class
	Value float64
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("the model's score of %d is %g: its weights are too large to compute with, use another checkpoint",
		e.Index, e.Value)
}

// CheckFinite says whether a model's scores, one for each token or class, are finite; if not, the error is a
// *NotFiniteError.
func CheckFinite[T float32 | float64](scores []T) error {
	for i, x := range scores {
		if x-x != 0 { // NaN for both NaN and infinities
			return &NotFiniteError{i, float64(x)}
		}
	}
	return nil
}

// checkLogits is CheckFinite of scores of which some, but not all, may be -∞: tokens that are barred.
func checkLogits[T float32 | float64](logits []T) error {
	most := math.Inf(-1)
	for i, x := range logits {
		if x != x || math.IsInf(float64(x), 1) {
			return &NotFiniteError{i, float64(x)}
		}
		most = max(most, float64(x))
	}
	if math.IsInf(most, -1) {
		return &NotFiniteError{0, most}
	}
	return nil
}

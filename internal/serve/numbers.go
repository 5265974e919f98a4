package serve

import (
	"encoding/json"
	"math"

	"github.com/pkg/errors"
)

// numbers are the values of a series: an array for each channel. JSON has them so, or as one array if there is one
// channel only; null is a value that is missing.
type numbers [][]float64

// UnmarshalJSON implements json.Unmarshaler.
func (n *numbers) UnmarshalJSON(data []byte) error {
	var one []*float64
	if json.Unmarshal(data, &one) == nil && one != nil {
		*n = numbers{missingAsNaN(one)}
		return nil
	}
	var several [][]*float64
	if json.Unmarshal(data, &several) != nil || several == nil {
		return errors.New("the values of a series must be an array of numbers, or of arrays of numbers")
	}
	*n = nil
	for _, channel := range several {
		*n = append(*n, missingAsNaN(channel))
	}
	return nil
}

func missingAsNaN(values []*float64) []float64 {
	xs := make([]float64, len(values))
	for i, v := range values {
		xs[i] = math.NaN()
		if v != nil {
			xs[i] = *v
		}
	}
	return xs
}

// check says what is wrong with numbers that are channels of a series.
func (n numbers) check() error {
	if len(n) == 0 || len(n[0]) == 0 {
		return errors.New("the series has no values")
	}
	for i, channel := range n {
		if len(channel) != len(n[0]) {
			return errors.Errorf("channel %d has %d values, and the first has %d", i+1, len(channel), len(n[0]))
		}
	}
	return nil
}

// trimmed is a series without missing values at its end and, with the start, at its beginning: it begins and ends
// with a value. It says how many it lost at the beginning.
func (n numbers) trimmed(start bool) (trimmed numbers, lost int) {
	missing := func(t int) bool {
		for _, channel := range n {
			if !math.IsNaN(channel[t]) {
				return false
			}
		}
		return true
	}
	end := len(n[0])
	for end > 0 && missing(end-1) {
		end--
	}
	for start && lost < end && missing(lost) {
		lost++
	}
	for _, channel := range n {
		trimmed = append(trimmed, channel[lost:end])
	}
	return trimmed, lost
}

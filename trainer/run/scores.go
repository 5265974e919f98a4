package run

import "math"

// LossScore is the name of the validation loss among TaskScores.
const LossScore = "loss"

// undefinedScore is that of a measure that could not be had.
const undefinedScore = math.MaxFloat64

// score is a measure by its name. The smaller it is the better: it is negated if more is better. One that is
// undefined is worse than any.
func (m *Metrics) score(name string) float64 {
	x := m.Loss
	for _, f := range m.named() {
		if f.name != name || f.value == nil {
			continue
		}
		if x = float64(*f.value); !f.lower {
			x = -x
		}
	}
	if math.IsNaN(x) {
		return undefinedScore
	}
	return x
}

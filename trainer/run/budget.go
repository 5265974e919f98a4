package run

import "math"

// budget is how long to train: a number of steps, or seconds.
type budget struct {
	steps   int     // 0: as many as fit into seconds
	seconds float64 // 0: as long as the steps take
}

// newBudget is the budget that a config gives, with epochs of so many windows.
func newBudget(t *Training, windows int) budget {
	switch {
	case t.Minutes > 0:
		return budget{seconds: t.Minutes * 60}
	case t.Epochs > 0:
		return budget{steps: t.Epochs * windows}
	}
	return budget{steps: t.Steps}
}

// spent says whether the run is over after so many steps and seconds.
func (b budget) spent(step int, seconds float64) bool {
	if b.steps > 0 {
		return step >= b.steps
	}
	return step > 0 && seconds >= b.seconds
}

// left is the time to go in seconds, when so many steps took so many seconds; NaN: not known, after no step.
func (b budget) left(step, steps int, seconds, total float64) float64 {
	if b.steps > 0 && steps == 0 {
		return math.NaN()
	}
	if b.steps > 0 {
		return seconds / float64(steps) * float64(b.steps-step)
	}
	return max(0, b.seconds-total)
}

package main

import "fmt"

// budget is how long to train: a number of steps, or seconds.
type budget struct {
	steps   int     // 0: as many as fit into seconds
	seconds float64 // 0: as long as the steps take
}

// newBudget is the budget that a config gives, with epochs of so many windows.
func newBudget(t *trainingConfig, windows int) budget {
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

// total and done are the length of a progress bar and where it stands: steps or milliseconds.
func (b budget) total() int64 {
	if b.steps > 0 {
		return int64(b.steps)
	}
	return int64(b.seconds * 1000)
}

func (b budget) done(step int, seconds float64) int64 {
	if b.steps > 0 {
		return int64(step)
	}
	return min(int64(seconds*1000), b.total())
}

// left is the time to go, when the steps of this process took so many seconds.
func (b budget) left(step, steps int, seconds, total float64) string {
	if b.steps > 0 {
		return clock(seconds / float64(steps) * float64(b.steps-step))
	}
	return clock(max(0, b.seconds-total))
}

func (b budget) stepOf(step int) string {
	if b.steps == 0 {
		return "step " + thousands(step)
	}
	all := thousands(b.steps)
	return fmt.Sprintf("step %*s/%s", len(all), thousands(step), all)
}

package run

import (
	"math"
	"testing"
)

// The time that is left is that of the steps that were timed; before the first of them it is not known, unless the time
// itself is the budget.
func TestLeft(t *testing.T) {
	for _, c := range []struct {
		budget  budget
		step, n int
		seconds float64
		want    float64
	}{
		{budget{steps: 100}, 1, 0, 0, math.NaN()},
		{budget{steps: 100}, 20, 4, 2, 40},
		{budget{seconds: 60}, 1, 0, 0, 15},
	} {
		if got := c.budget.left(c.step, c.n, c.seconds, 45); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%+v after step %d: %g, want %g", c.budget, c.step, got, c.want)
		}
	}
}

package run

import (
	"math"
	"testing"
)

// A teacher's ratio is half of what it was after TeacherSteps, whatever the decay.
func TestTeacherDecay(t *testing.T) {
	for _, name := range TeacherDecays[1:] {
		for _, n := range []int{1, 10, 5000} {
			d := (&Training{TeacherDecay: name, TeacherSteps: n}).teacherDecay()
			half, most := d(n), d(0)
			if math.Abs(half-0.5) > 1e-12 || most > 1 || d(10*n) > 0.1 || n > 1 && most < 0.7 {
				t.Errorf("%s in %d steps: from %v to %v and %v", name, n, most, half, d(10*n))
			}
		}
	}
	if (&Training{TeacherDecay: NoDecay}).teacherDecay() != nil {
		t.Error("no decay decays")
	}
}

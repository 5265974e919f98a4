package cpu

import "testing"

// fill sets what it is given, of any length, and nothing beside it.
func TestFill(t *testing.T) {
	for n := range 70 {
		memory := make([]float32, n+2)
		fill(memory[1:n+1], 3)
		for i, x := range memory {
			if want := i > 0 && i <= n; (x == 3) != want || !want && x != 0 {
				t.Fatalf("of %d elements: element %d is %v", n, i-1, x)
			}
		}
	}
}

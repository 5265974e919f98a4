package datasets

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// counting is the numbers from 0 on.
func counting(n int) Slice {
	s := make(Slice, n)
	for i := range s {
		s[i] = int32(i)
	}
	return s
}

// Nine tenths of 1,115,394 characters, batch 64 of 128 characters.
func TestWindowsOfTinyShakespeare(t *testing.T) {
	w, err := NewWindows(counting(1_003_854), 64, 128)
	if err != nil {
		t.Fatal(err)
	}
	if w.Len() != 122 {
		t.Errorf("%d windows an epoch, want 122", w.Len())
	}
}

func TestWindowsLayout(t *testing.T) {
	w, err := NewWindows(counting(15), 2, 3) // streams 0..6 and 7..13; 14 is dropped
	if err != nil {
		t.Fatal(err)
	}
	if w.Len() != 2 {
		t.Fatalf("%d windows, want 2", w.Len())
	}
	inputs, targets := make([]int32, 6), make([]int32, 6)
	for i, want := range [][2][]int32{
		{{0, 7, 1, 8, 2, 9}, {1, 8, 2, 9, 3, 10}},
		{{3, 10, 4, 11, 5, 12}, {4, 11, 5, 12, 6, 13}},
	} {
		for step := i; step < 6; step += 2 { // of the second and the third epoch, too
			if anew, err := w.Fill(step, inputs, targets); anew != (i == 0) || err != nil {
				t.Errorf("step %d begins anew: %t, %v", step, anew, err)
			}
		}
		if diff := cmp.Diff(want, [2][]int32{inputs, targets}); diff != "" {
			t.Errorf("window %d: %s", i, diff)
		}
	}
}

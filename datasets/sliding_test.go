package datasets

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The published setting: four fifths of 1,115,394 characters, 64 windows of 128 characters, one every 64.
func TestSlidingWindowsOfTinyShakespeare(t *testing.T) {
	w, err := NewSlidingWindows(counting(892_315), 64, 128, 64, 1)
	if err != nil {
		t.Fatal(err)
	}
	if w.windows() != 13_941 || w.Len() != 217 {
		t.Errorf("%d windows and %d batches an epoch, want 13941 and 217", w.windows(), w.Len())
	}
}

// Each window of an epoch comes at most once, and all but fewer than a batch do; targets are one token later.
func TestSlidingWindowsCoverAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, batch, seq := rapid.IntRange(2, 900).Draw(t, "tokens"), rapid.IntRange(1, 9).Draw(t, "batch"),
			rapid.IntRange(1, 40).Draw(t, "seq")
		stride, epoch := rapid.IntRange(1, 50).Draw(t, "stride"), rapid.IntRange(0, 3).Draw(t, "epoch")
		w, err := NewSlidingWindows(counting(n), batch, seq, stride, 7)
		if err != nil {
			t.Skip("too short")
		}
		var begins []int
		inputs, targets := make([]int32, batch*seq), make([]int32, batch*seq)
		for i := range w.Len() {
			if anew, err := w.Fill(epoch*w.Len()+i, inputs, targets); !anew || err != nil {
				t.Fatalf("windows begin anew: %t, %v", anew, err)
			}
			for b := range batch {
				begins = append(begins, int(inputs[b]))
				for at := b; at < len(inputs); at += batch {
					if want := inputs[b] + int32(at/batch); inputs[at] != want || targets[at] != want+1 {
						t.Fatalf("step %d of the window from %d: %d predicts %d", at/batch, inputs[b], inputs[at], targets[at])
					}
				}
			}
		}
		slices.Sort(begins)
		all := 0
		for from := 0; from+seq < n; from += stride {
			all++
		}
		if want := all / batch * batch; len(begins) != want || len(slices.Compact(begins)) != want {
			t.Fatalf("%d of %d windows, want %d different ones", len(begins), all, want)
		}
		for _, from := range begins {
			if from%stride != 0 {
				t.Fatalf("a window begins at %d, not a multiple of %d", from, stride)
			}
		}
	})
}

// The order depends on the seed and the epoch, and not on what was filled before.
func TestSlidingWindowsOrder(t *testing.T) {
	fill := func(seed uint64, steps ...int) []int32 {
		w, err := NewSlidingWindows(counting(101), 4, 10, 5, seed)
		if err != nil {
			t.Fatal(err)
		}
		inputs, targets := make([]int32, 40), make([]int32, 40)
		for _, s := range steps {
			if _, err := w.Fill(s, inputs, targets); err != nil {
				t.Fatal(err)
			}
		}
		return inputs
	}
	if diff := cmp.Diff(fill(1, 6), fill(1, 0, 7, 2, 6)); diff != "" {
		t.Errorf("step 6 depends on the steps before: %s", diff)
	}
	if cmp.Equal(fill(1, 1), fill(1, 5)) {
		t.Error("two epochs have one order")
	}
	if cmp.Equal(fill(1, 1), fill(2, 1)) {
		t.Error("two seeds have one order")
	}
}

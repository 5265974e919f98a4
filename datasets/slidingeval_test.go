package datasets

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Each window comes once and in order; what no window fills is masked.
func TestSlidingEvalWindowsCoverAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, batch, seq := rapid.IntRange(2, 400).Draw(t, "tokens"), rapid.IntRange(1, 9).Draw(t, "batch"),
			rapid.IntRange(1, 40).Draw(t, "seq")
		stride := rapid.IntRange(1, 50).Draw(t, "stride")
		w, err := NewSlidingEvalWindows(counting(n), batch, seq, stride)
		if n <= seq {
			if err == nil {
				t.Fatalf("%d tokens were accepted for windows of %d", n, seq)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		var got, want []int32
		inputs, targets, mask := make([]int32, batch*seq), make([]int32, batch*seq), make([]float32, batch*seq)
		for i := range w.Len() {
			if anew, err := w.Fill(i, inputs, targets, mask); !anew || err != nil {
				t.Fatalf("windows begin anew: %t, %v", anew, err)
			}
			for b := range batch {
				for at := b; at < len(mask); at += batch {
					switch {
					case mask[at] == 0 && (inputs[at] != 0 || targets[at] != 0):
						t.Fatal("there are tokens where the mask is 0")
					case mask[at] == 1:
						got = append(got, inputs[at], targets[at])
					}
				}
			}
		}
		for from := 0; from+seq < n; from += stride {
			for p := from; p < from+seq; p++ {
				want = append(want, int32(p), int32(p+1))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

package datasets

import (
	"testing"

	"pgregory.net/rapid"
)

// Every token but the first is predicted exactly once, from the token before it, and a stream goes on from
// window to window.
func TestEvalWindowsCoverAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 5000).Draw(t, "tokens")
		batch, seq := rapid.IntRange(1, 9).Draw(t, "batch"), rapid.IntRange(1, 70).Draw(t, "seq")
		w, err := NewEvalWindows(counting(n), batch, seq)
		if err != nil {
			t.Fatal(err)
		}
		inputs, targets, mask := make([]int32, batch*seq), make([]int32, batch*seq), make([]float32, batch*seq)
		seen := make([]int, n)
		last := make([]int32, batch)
		for i := range w.Len() {
			if anew, err := w.Fill(i, inputs, targets, mask); anew != (i == 0) || err != nil {
				t.Fatalf("window %d begins anew: %t, %v", i, anew, err)
			}
			some := false
			for at, m := range mask {
				if m == 0 {
					continue
				}
				some = true
				if targets[at] != inputs[at]+1 {
					t.Fatalf("%d predicts %d", inputs[at], targets[at])
				}
				if b := at % batch; (i > 0 || at >= batch) && inputs[at] != last[b] {
					t.Fatalf("stream %d jumps from %d to %d", b, last[b], inputs[at])
				} else {
					last[b] = targets[at]
				}
				seen[targets[at]]++
			}
			if !some {
				t.Fatalf("window %d of %d is empty", i, w.Len())
			}
		}
		for token, times := range seen {
			if want := min(token, 1); times != want {
				t.Fatalf("token %d of %d is a target %d times", token, n, times)
			}
		}
	})
	if _, err := NewEvalWindows(counting(1), 4, 4); err == nil {
		t.Error("one token was accepted")
	}
}

func TestEvalStreamsAreLong(t *testing.T) {
	for _, c := range []struct{ tokens, batch, want int }{{2, 64, 1}, {2048, 64, 1}, {2049, 64, 2}, {111_540, 64, 64},
		{111_540, 256, 108}} {
		w, err := NewEvalWindows(counting(c.tokens), c.batch, 8)
		if err != nil {
			t.Fatal(err)
		}
		if w.streams != c.want {
			t.Errorf("%d tokens, batch %d: %d streams, want %d", c.tokens, c.batch, w.streams, c.want)
		}
	}
}

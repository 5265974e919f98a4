package datasets

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"
	"pgregory.net/rapid"
)

func iota32(n int) []int32 {
	s := make([]int32, n)
	for i := range s {
		s[i] = int32(i)
	}
	return s
}

// The published setting: 1,115,394 characters, nine tenths to train on, batch 64 of 128 characters.
func TestWindowsOfTinyShakespeare(t *testing.T) {
	train, heldOut := Split(iota32(1_115_394))
	if len(train) != 1_003_854 || len(heldOut) != 111_540 || heldOut[0] != train[len(train)-1]+1 {
		t.Fatalf("split into %d and %d", len(train), len(heldOut))
	}
	w, err := NewWindows(train, 64, 128)
	if err != nil {
		t.Fatal(err)
	}
	if w.Len() != 122 {
		t.Errorf("%d windows an epoch, want 122", w.Len())
	}
}

func TestWindowsLayout(t *testing.T) {
	w, err := NewWindows(iota32(15), 2, 3) // streams 0..6 and 7..13; 14 is dropped
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
		w.Fill(i, inputs, targets)
		if diff := cmp.Diff(want, [2][]int32{inputs, targets}); diff != "" {
			t.Errorf("window %d: %s", i, diff)
		}
	}
}

func TestWindowsTooShort(t *testing.T) {
	if _, err := NewWindows(iota32((64+1)*16), 16, 64); err != nil {
		t.Errorf("exactly one window: %v", err)
	}
	for _, c := range []struct {
		have int
		want string
	}{
		{1039, "1039 characters to train on, but --batch 16 and --seq 64 need at least (64+1)*16 = 1040: use a longer text, or --batch 15 or --seq 63"},
		{40, "40 characters to train on, but --batch 16 and --seq 64 need at least (64+1)*16 = 1040: use a longer text, or --seq 1"},
		{1, "1 characters to train on, but --batch 16 and --seq 64 need at least (64+1)*16 = 1040: use a longer text"},
		{0, "0 characters to train on, but --batch 16 and --seq 64 need at least (64+1)*16 = 1040: use a longer text"},
	} {
		_, err := NewWindows(iota32(c.have), 16, 64)
		var e *TooShortError
		if !errors.As(err, &e) || err.Error() != c.want {
			t.Errorf("%d:\ngot  %v\nwant %s", c.have, err, c.want)
		}
	}
}

// What TooShortError proposes fits, and one more would not.
func TestTooShortProposalsFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		have, batch, seq := rapid.IntRange(0, 500).Draw(t, "have"), rapid.IntRange(1, 40).Draw(t, "batch"), rapid.IntRange(1, 40).Draw(t, "seq")
		fits := func(batch, seq int) bool {
			if batch == 0 || seq <= 0 {
				return false
			}
			_, err := NewWindows(iota32(have), batch, seq)
			return err == nil
		}
		if fits(batch, seq) {
			if have < (seq+1)*batch {
				t.Fatal("accepted too short a text")
			}
			return
		}
		if b := have / (seq + 1); b > 0 && (!fits(b, seq) || fits(b+1, seq)) {
			t.Fatalf("--batch %d is not the largest that fits", b)
		}
		if s := have/batch - 1; s > 0 && (!fits(batch, s) || fits(batch, s+1)) {
			t.Fatalf("--seq %d is not the longest that fits", s)
		}
	})
}

// Every token but the first is predicted exactly once, from the token before it, and a stream goes on from window to window.
func TestEvalWindowsCoverAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 5000).Draw(t, "tokens")
		batch, seq := rapid.IntRange(1, 9).Draw(t, "batch"), rapid.IntRange(1, 70).Draw(t, "seq")
		w, err := NewEvalWindows(iota32(n), batch, seq)
		if err != nil {
			t.Fatal(err)
		}
		inputs, targets, mask := make([]int32, batch*seq), make([]int32, batch*seq), make([]float32, batch*seq)
		seen := make([]int, n)
		last := make([]int32, batch)
		for i := range w.Len() {
			w.Fill(i, inputs, targets, mask)
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
	if _, err := NewEvalWindows(iota32(1), 4, 4); err == nil {
		t.Error("one token was accepted")
	}
}

func TestEvalStreamsAreLong(t *testing.T) {
	for _, c := range []struct{ tokens, batch, want int }{{2, 64, 1}, {2048, 64, 1}, {2049, 64, 2}, {111_540, 64, 64}, {111_540, 256, 108}} {
		w, err := NewEvalWindows(iota32(c.tokens), c.batch, 8)
		if err != nil {
			t.Fatal(err)
		}
		if w.streams != c.want {
			t.Errorf("%d tokens, batch %d: %d streams, want %d", c.tokens, c.batch, w.streams, c.want)
		}
	}
}

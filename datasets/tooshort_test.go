package datasets

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pkg/errors"
	"pgregory.net/rapid"
)

// cut cuts tokens in a row into streams, or into windows with a stride.
func cut(tokens, batch, seq, stride int) error {
	var err error
	if stride == 0 {
		_, err = NewWindows(counting(tokens), batch, seq)
	} else {
		_, err = NewSlidingWindows(counting(tokens), batch, seq, stride, 1)
	}
	return err
}

func TestTooShort(t *testing.T) {
	for _, c := range []struct {
		have, stride int
		want         string
	}{
		{1039, 0, "1039 characters to train on, but --batch 16 and --seq 64 need at least (64+1)*16 = 1040: use a longer text, or --batch 15 or --seq 63"},
		{40, 0, "40 characters to train on, but --batch 16 and --seq 64 need at least (64+1)*16 = 1040: use a longer text, or --seq 1"},
		{1, 0, "1 character to train on, but --batch 16 and --seq 64 need at least (64+1)*16 = 1040: use a longer text"},
		{0, 0, "0 characters to train on, but --batch 16 and --seq 64 need at least (64+1)*16 = 1040: use a longer text"},
		{544, 32, "544 characters to train on, but --batch 16, --seq 64 and --stride 32 need at least 64+1+(16-1)*32 = 545: use a longer text, or --batch 15 or --seq 63"},
		{64, 3, "64 characters to train on, but --batch 16, --seq 64 and --stride 3 need at least 64+1+(16-1)*3 = 110: use a longer text, or --seq 18"},
		{0, 32, "0 characters to train on, but --batch 16, --seq 64 and --stride 32 need at least 64+1+(16-1)*32 = 545: use a longer text"},
	} {
		err := cut(c.have, 16, 64, c.stride)
		var e *TooShortError
		if !errors.As(err, &e) || err.Error() != c.want {
			t.Errorf("%d, stride %d:\ngot  %v\nwant %s", c.have, c.stride, err, c.want)
		}
		if err := cut(e.Need(), 16, 64, c.stride); err != nil {
			t.Errorf("what one batch needs, stride %d: %v", c.stride, err)
		}
	}
}

// What TooShortError proposes fits, and one more would not.
func TestTooShortProposalsFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		have, batch, seq := rapid.IntRange(0, 500).Draw(t, "have"), rapid.IntRange(1, 40).Draw(t, "batch"),
			rapid.IntRange(1, 40).Draw(t, "seq")
		stride := rapid.IntRange(0, 50).Draw(t, "stride")
		fits := func(batch, seq int) bool { return batch > 0 && seq > 0 && cut(have, batch, seq, stride) == nil }
		err := cut(have, batch, seq, stride)
		if err == nil {
			if have < (&TooShortError{Batch: batch, Seq: seq, Stride: stride}).Need() {
				t.Fatal("accepted too short a text")
			}
			return
		}
		b, s := 0, 0
		for fits(b+1, seq) {
			b++
		}
		for fits(batch, s+1) {
			s++
		}
		var proposals []string
		if b > 0 {
			proposals = append(proposals, fmt.Sprintf("--batch %d", b))
		}
		if s > 0 {
			proposals = append(proposals, fmt.Sprintf("--seq %d", s))
		}
		want := ": use a longer text"
		if len(proposals) > 0 {
			want += ", or " + strings.Join(proposals, " or ")
		}
		if !strings.HasSuffix(err.Error(), want) {
			t.Fatalf("%v, but the largest that fit make it %q", err, want)
		}
	})
}

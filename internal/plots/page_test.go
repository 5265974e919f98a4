package plots

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is too wide for a page that a phone shows is cut, or goes on in another line, also where the letters are wider.
func TestNarrow(t *testing.T) {
	s := written(letters)
	long := "a sequence-to-sequence model: loss, nats per token"
	lines := wrapped(s, long, roomFor(s, "a sequence-to-sequence model:"))
	if diff := cmp.Diff([]string{"a sequence-to-sequence model:", "loss, nats per token"}, lines); diff != "" {
		t.Error(diff)
	}
	if lines := wrapped(s, "unbreakable", 1); len(lines) != 1 || lines[0] != "unbreakable" {
		t.Errorf("%q", lines)
	}
	width := roomFor(s, long) / 2
	cut := clipped(s, long, width)
	if rest, ok := strings.CutSuffix(cut, "…"); !ok || !strings.HasPrefix(long, rest) || roomFor(s, cut) > width ||
		roomFor(s, cut) < width-10 {
		t.Errorf("%q is %v wide, of %v", cut, roomFor(s, cut), width)
	}
	if got := clipped(s, long, 2*width+1); got != long {
		t.Errorf("%q has room", got)
	}
}

package report

import (
	"io"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/internal/terminal"
)

// onTerminal makes all writers a terminal of so many characters; 0: none is one.
func onTerminal(t *testing.T, width int) {
	is, before := terminal.Is, terminal.Width
	t.Cleanup(func() { terminal.Is, terminal.Width = is, before })
	terminal.Is = func(any) bool { return width > 0 }
	terminal.Width = func(io.Writer) int { return width }
}

func TestSay(t *testing.T) {
	for _, c := range []struct {
		width   int
		command string
		want    string
	}{
		{0, "", "unroll: stopped after step 7\n"},
		{0, "unroll train --out runs/a", "unroll: stopped after step 7 unroll train --out runs/a\n"},
		{20, "", "unroll: stopped\n  after step 7\n"},
		{40, "unroll train --out runs/a", "unroll: stopped after step 7\n  unroll train --out runs/a\n"},
		{20, "unroll train --out runs/a", "unroll: stopped\n  after step 7\n  unroll train \\\n      --out runs/a\n"},
	} {
		onTerminal(t, c.width)
		var b strings.Builder
		Say(&b, "stopped after step 7", c.command)
		if b.String() != c.want {
			t.Errorf("%d: %q, want %q", c.width, b.String(), c.want)
		}
	}
}

func TestWriteNext(t *testing.T) {
	commands := []Command{{Line: "unroll eval runs/a"}, {"unroll tag runs/a --top 3", "a word a line"}}
	for width, want := range map[int]string{
		0:  "next:\n  unroll eval runs/a\n  # a word a line\n  unroll tag runs/a --top 3\n",
		20: "next:\n  unroll eval runs/a\n  # a word a line\n  unroll tag \\\n      runs/a --top \\\n      3\n",
	} {
		onTerminal(t, width)
		var b strings.Builder
		if err := WriteNext(terminal.Prose(&b), commands); err != nil || b.String() != want {
			t.Errorf("%d: %q, %v, want %q", width, b.String(), err, want)
		}
	}
}

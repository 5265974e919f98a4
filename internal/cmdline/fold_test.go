package cmdline

import (
	"os/exec"
	"strings"
	"testing"
)

func TestFold(t *testing.T) {
	for _, c := range []struct {
		command string
		width   int
		want    string
	}{
		{"unroll eval runs/a", 0, "unroll eval runs/a"},
		{"unroll eval runs/a", 20, "unroll eval runs/a"},
		{"unroll eval runs/a", 19, "unroll eval \\\n      runs/a"},
		{"unroll eval 'a  long name'", 22, "unroll eval \\\n      'a  long name'"},
		{"unroll eval runs/日本語のモデル", 33, "unroll eval runs/日本語のモデル"},
		{"unroll eval runs/日本語のモデル", 32, "unroll eval \\\n      runs/日本語のモデル"},
		{"unroll eval runs/e\u0301te\u0301", 22, "unroll eval runs/e\u0301te\u0301"},
		{"unroll eval runs/that-is-longer-than-a-line", 14, "unroll \\\n      eval \\\n      runs/that-is-longer-than-a-line"},
	} {
		if got := Fold(c.command, 2, c.width); got != c.want {
			t.Errorf("%q in %d: %q, want %q", c.command, c.width, got, c.want)
		}
	}
}

// A shell reads a folded command as it reads the command.
func TestFoldedRuns(t *testing.T) {
	const command = `printf '<%s>' one 'two  words' 'it'\''s' --four`
	for width := range 50 {
		out, err := exec.Command("sh", "-c", Fold(command, 2, width)).Output()
		if err != nil {
			t.Skip(err)
		}
		if string(out) != "<one><two  words><it's><--four>" {
			t.Errorf("%d: %s gives %s", width, strings.ReplaceAll(Fold(command, 2, width), "\n", "⏎"), out)
		}
	}
}

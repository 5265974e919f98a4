package cmdline

import (
	"os/exec"
	"testing"
)

func TestQuote(t *testing.T) {
	for _, s := range []string{"", "plain", "it's", "a b", "$HOME", "a\nb", `"\`, "é", "--out=x"} {
		out, err := exec.Command("sh", "-c", "printf %s "+Quote(s)).Output()
		if err != nil {
			t.Skip(err)
		}
		if string(out) != s {
			t.Errorf("%q came back as %q", s, out)
		}
	}
}

func TestResume(t *testing.T) {
	got := Resume("unroll", []string{"train", "--resume", "never", "--prompt", "a b", "--overwrite", "--resume=never"},
		"runs/lm 1")
	if want := "unroll train --prompt 'a b' --out 'runs/lm 1'"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

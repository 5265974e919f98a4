package main

import (
	"io"
	"strings"
	"testing"
	"unicode"

	"github.com/unroll-ml/unroll/internal/report"
	"github.com/unroll-ml/unroll/internal/terminal"
	"github.com/unroll-ml/unroll/trainer/run"
)

// hidden are the characters of a text that a terminal would obey.
func hidden(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) })
}

// What others wrote is shown on a terminal, and does not command it; a file gets it as it is.
func TestTerminalIsNotCommanded(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "pairs.tsv", strings.Repeat("ab\t\x1b[31m\u009b\nba\t\x1b[31m\u009b\nb\t\x1b[31m\u009b\n", 20))
	must(t, strings.Fields("train seq2seq --pairs pairs.tsv --hidden 16 --embed 4 --batch 8 --epochs 30 --lr 0.05 "+
		"--threads 1 --out run")...)
	before := terminal.Is
	t.Cleanup(func() { terminal.Is = before })
	file := given("ab\n", "translate run")
	terminal.Is = func(any) bool { return true }
	shown := given("ab\n", "translate run")
	if !strings.Contains(file.stdout, "\x1b[31m") || hidden(shown.stdout) ||
		!strings.Contains(shown.stdout, `\u001b[31m`) {
		t.Errorf("to a file %q, to a terminal %q", file.stdout, shown.stdout)
	}
}

// Errors name what others called it, in characters that can be seen, wherever they go.
func TestErrorsDoNotCommand(t *testing.T) {
	uses := threeTasks(t)
	writeFile(t, "lm/config.yaml", "\"\\e[31mkey\": 1\n")
	writeFile(t, "bad\x1b[31m.tsv", "a\tx\x1by\nb\tz\n")
	for _, args := range append(uses["lm"], "train classify --table bad\x1b[31m.tsv --out c",
		"train classify --table none\x1b]0;x\x07 --out c", "eval none\u009b31m") {
		if r := given("", args); r.code == 0 || hidden(r.stderr) || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%q: %+v", args, r)
		}
	}
}

// The lines that begin a training name labels and paths.
func TestTrainingDoesNotCommand(t *testing.T) {
	t.Chdir(t.TempDir())
	before := terminal.Is
	t.Cleanup(func() { terminal.Is = before })
	terminal.Is = func(w any) bool { _, ok := w.(*strings.Builder); return ok }
	for _, kind := range []string{"dumb", "xterm"} {
		t.Setenv("TERM", kind)
		var out strings.Builder
		r := report.New(&terminal.Output{To: &out}, false, false)
		r.Begin(run.Start{Lines: []string{"labels: a\x1b[31m, b\u009b"}, Dir: "run\x1b]0;x\x07"})
		io.WriteString(r.Writer(), "next: eval run\x1b[31m\n")
		want := "labels: a\\u001b[31m, b\\u009b\nrun folder: run\\u001b]0;x\\u0007\nnext: eval run\\u001b[31m\n"
		if out.String() != want {
			t.Errorf("%s: %q, want %q", kind, out.String(), want)
		}
	}
}

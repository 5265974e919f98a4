package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// What is written over is gone, and what a terminal obeys is not seen.
func TestScreen(t *testing.T) {
	for text, want := range map[string][]string{
		"one\r\ntwo\r\n": {"one", "two"},
		"\r\x1b[Kstep 1\r\x1b[Kstep 2\r\x1b[Kdone\r\n": {"done"},
		"abcdef\rxy\r\n":                    {"xycdef"},
		"a\x1b]0;ready\x07b\x1b[1mc\r\n":    {"abc"},
		strings.Repeat("ab", 50) + "\r\n":   {strings.Repeat("ab", 40), strings.Repeat("ab", 10)},
		"step 7^C\r\n\r\x1b[Kstopped  \r\n": {"step 7^C", "stopped"},
	} {
		if got := screen(text); !slices.Equal(got, want) {
			t.Errorf("%q shows %q, want %q", text, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	lines := []string{"$ x", "a", "b", "c", "d", "e"}
	for _, c := range []struct {
		cuts []cut
		want string
	}{
		{nil, "$ x a b c d e"},
		{[]cut{{"^a", "^d"}}, "$ x a ... d e"},
		{[]cut{{"x", "a"}, {"a", "c"}, {"d", ""}}, "$ x a ... c d ..."},
	} {
		if got := strings.Join(shorten(lines, c.cuts), " "); got != c.want {
			t.Errorf("%v: %s, want %s", c.cuts, got, c.want)
		}
	}
}

// Times and machines may differ, what commands write may not.
func TestCompare(t *testing.T) {
	const recording = "$ ./unroll doctor\nCPU     some, 2 threads\n$ ./unroll train\nloss 0.5  3,000 tokens/s\n"
	for _, c := range []struct {
		old, new string
		same     bool
	}{
		{"some, 2 threads", "another, 64 threads\n        works", true},
		{"loss 0.5  3,000", "loss 0.125   12,000", true},
		{"tokens/s", "words/s", false},
		{"train\n", "train lm\n", false},
		{"$ ./unroll train\n", "", false},
	} {
		now := strings.Replace(recording, c.old, c.new, 1)
		if err := compare(recording, now); now == recording || (err == nil) != c.same {
			t.Errorf("%q: %v", now, err)
		}
	}
}

// README.md has a recording of all scenes, in lines of 80 characters at most.
func TestReadme(t *testing.T) {
	page, err := os.ReadFile("../../" + readme)
	if err != nil {
		t.Fatal(err)
	}
	recording, err := block(string(page))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(recording) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 {
			t.Errorf("longer than 80 characters: %s", line)
		}
	}
	for _, s := range scenes {
		first, _, _ := strings.Cut(s.command, "\n")
		if !strings.Contains(recording, prompt+first+"\n") {
			t.Errorf("%s is not in the recording", first)
		}
	}
	if again := replace(string(page), recording); again != string(page) {
		t.Error("putting the same recording in changes the page")
	}
}

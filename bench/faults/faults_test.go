//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// liar writes a program that does nothing and says that all went well.
func liar(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "unroll")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexit 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// A command that keeps no promise loses every row.
func TestEveryRowCanFail(t *testing.T) {
	h := &harness{command: liar(t), tests: liar(t), work: t.TempDir()}
	for _, row := range rows {
		var err error
		if h.dir, err = h.folder(row); err != nil {
			t.Fatal(err)
		}
		r := &record{}
		row.try(h, r)
		if v := r.verdict(); v == "kept" || v == "left out" && r.why == "" {
			t.Errorf("%s: %s after %d tries of a command that does nothing", row.fault, v, r.tried)
		}
		if err := os.RemoveAll(h.dir); err != nil {
			t.Fatal(err)
		}
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		r    record
		want string
	}{
		{record{}, "LOST"}, // nothing was tried, and nobody says why
		{record{why: "no root"}, "left out"},
		{record{tried: 3}, "kept"},
		{record{tried: 3, lost: []string{"x"}}, "LOST"},
		{record{lost: []string{"x"}, why: "no root"}, "LOST"},
	} {
		if got := c.r.verdict(); got != c.want {
			t.Errorf("%+v: %s, want %s", c.r, got, c.want)
		}
	}
}

// Each thing that an ending must have is missed when it is not there.
func TestEnded(t *testing.T) {
	for _, c := range []struct {
		o    outcome
		kept bool
	}{
		{outcome{code: 65, stderr: "unroll: skipped\nunroll: a.txt:3: no tab\n"}, true},
		{outcome{code: 1, stderr: "unroll: a.txt:3: no tab\n"}, false},
		{outcome{code: 65, stderr: "unroll: a.txt: no tab\n"}, false},
		{outcome{code: 65, stderr: "a.txt:3: no tab\n"}, false},
		{outcome{code: 65, stderr: "unroll: a.txt:3: no tab\nsee --help\n"}, false},
		{outcome{code: 65, stderr: "goroutine 1 [running]:\nunroll: a.txt:3: no tab\n"}, false},
		{outcome{code: -1}, false},
	} {
		r := &record{}
		if got := r.ended(&c.o, 65, "a.txt:3: "); got != c.kept || (len(r.lost) == 0) != c.kept || r.tried != 1 {
			t.Errorf("%+v: %v, %+v", c.o, got, r)
		}
	}
}

// Two runs are the same only if every file and every logged loss is.
func TestSameRun(t *testing.T) {
	h := &harness{dir: t.TempDir()}
	make := func(run string) {
		for _, name := range []string{"last/weights.safetensors", "last/optimizer.safetensors", "best/weights.safetensors"} {
			h.write(run+"/"+name, "the same")
		}
		h.write(run+"/log.jsonl", strings.Join([]string{
			`{"event":"step","step":1,"loss":2.5,"seconds":1}`, `{"event":"valid","step":1}`,
			`{"event":"step","step":2,"loss":"NaN","seconds":2}`,
		}, "\n")+"\n")
	}
	make("a")
	for _, c := range []struct{ name, old, new string }{
		{"log.jsonl", `"seconds":1`, `"seconds":7`}, // this may differ
		{"log.jsonl", `2.5`, `2.4`},
		{"log.jsonl", `"step":2`, `"step":1`},
		{"log.jsonl", `"step":2`, `"step":3`},
		{"last/weights.safetensors", "same", "sane"},
		{"last/optimizer.safetensors", "same", ""},
		{"best/weights.safetensors", "the ", "the  "},
	} {
		make("b")
		data, err := os.ReadFile(h.path("b", c.name))
		if err != nil {
			t.Fatal(err)
		}
		h.write("b/"+c.name, strings.Replace(string(data), c.old, c.new, 1))
		if err := h.sameRun("a", "b"); (err == nil) != strings.Contains(c.new, "seconds") {
			t.Errorf("%s with %s: %v", c.name, c.new, err)
		}
	}
	make("b")
	if err := os.Remove(h.path("b", "best/weights.safetensors")); err != nil {
		t.Fatal(err)
	}
	if h.sameRun("a", "b") == nil {
		t.Error("a file is missing, and nobody says so")
	}
}

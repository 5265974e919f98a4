package models_test

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A program in a module of its own trains a cell, an attention and an operation of its own, as a language model, as a
// classifier and from sequence to sequence with beam search: to the same numbers on all devices.
func TestFromOutside(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	copyTo := func(name, from string, change func(string) string) {
		t.Helper()
		data, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), []byte(change(string(data))), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	same := func(s string) string { return s }
	copyTo("main.go", filepath.Join("testdata", "outside", "main.go"), same)
	copyTo("go.sum", filepath.Join(root, "go.sum"), same)
	copyTo("go.mod", filepath.Join(root, "go.mod"), func(s string) string {
		s = strings.Replace(s, "module github.com/unroll-ml/unroll", "module example.com/outside", 1)
		s = regexp.MustCompile(`(?m)^tool .*$`).ReplaceAllString(s, "")
		return s + "\nrequire github.com/unroll-ml/unroll v0.0.0\n\nreplace github.com/unroll-ml/unroll => " + root + "\n"
	})
	run := exec.Command("go", "run", ".")
	run.Dir, run.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	whole := regexp.MustCompile(`: (\d+) of (\d+) right$`)
	tasks := 0
	for i, line := range lines {
		if m := whole.FindStringSubmatch(line); m != nil {
			if tasks++; m[1] != m[2] {
				t.Error(line)
			}
			for _, other := range lines[i-6 : i] {
				if math.Abs(loss(t, other)-loss(t, lines[i-6])) > 1e-3 {
					t.Errorf("the devices do not agree: %q", lines[i-6:i])
				}
			}
		}
	}
	if tasks != 3 || len(lines) != 3*7 {
		t.Errorf("it says\n%s", out)
	}
}

// loss is the number at the end of a line.
func loss(t *testing.T, line string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(line[strings.LastIndex(line, " ")+1:], 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

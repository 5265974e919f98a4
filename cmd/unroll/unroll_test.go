package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/device"
	"github.com/unroll-ml/unroll/trainer/run"
)

// ownReach is how this binary reaches GPUs, outside of the tests.
var ownReach = reach

// TestMain lets the test binary be the program, for what only a process of its own can show: signals, pipes,
// limits. Whatever it was built with, and whatever the machine has, tests compute as one built without GPUs
// does, but those that ask for another with onGPU.
func TestMain(m *testing.M) {
	reach = device.Driver{Open: func(int) (driver.GPU, error) { return noDriver() }}
	if os.Getenv("UNROLL_TEST_MAIN") != "" {
		withPairLM(func(m *pairLM) {
			if slow, err := time.ParseDuration(os.Getenv("UNROLL_TEST_SLOW")); err == nil {
				m.onStep = func(int) {
					fmt.Fprintln(os.Stderr, "unroll: in a slow step")
					time.Sleep(slow)
				}
			}
		})
		os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// withPairLM makes the program use the small model of the tests, after setting it up.
func withPairLM(setUp func(*pairLM)) {
	modelOptions = []run.Option{run.WithLM(func(c trainer.LMConfig) (run.LM, error) {
		m := newPairLM(c)
		if setUp != nil {
			setUp(m)
		}
		return m, nil
	})}
}

// small gives a test an empty folder to work in, and the small model.
func small(t *testing.T, setUp func(*pairLM)) {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv("COLUMNS", "80")
	before := modelOptions
	t.Cleanup(func() { modelOptions = before })
	withPairLM(setUp)
}

type result struct {
	code           int
	stdout, stderr string
}

func unroll(args ...string) result { return unrollOn("", args...) }

// unrollOn runs a command that reads stdin.
func unrollOn(stdin string, args ...string) result {
	var stdout, stderr bytes.Buffer
	code := execute(args, strings.NewReader(stdin), &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

// must runs a command that should succeed, and returns its stdout.
func must(t *testing.T, args ...string) string {
	t.Helper()
	r := unroll(args...)
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("unroll %s: exit code %d\n%s", strings.Join(args, " "), r.code, r.stderr)
	}
	return r.stdout
}

// want runs a command that should fail with an exit code and one line on stderr.
func want(t *testing.T, code int, stderr string, args ...string) {
	t.Helper()
	r := unroll(args...)
	if r.code != code || r.stderr != "unroll: "+stderr+"\n" {
		t.Errorf("unroll %s\ngot  %d, %swant %d, unroll: %s", strings.Join(args, " "), r.code, r.stderr, code, stderr)
	}
}

func writeFile(t *testing.T, name, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// jsonLines decodes an object a line.
func jsonLines(t *testing.T, s string) (objects []map[string]any) {
	t.Helper()
	for i, line := range strings.Split(strings.TrimSuffix(s, "\n"), "\n") {
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("line %d, %q: %v", i+1, line, err)
		}
		objects = append(objects, o)
	}
	return objects
}

// rhyme is a text of n lines that a small model can learn.
func rhyme(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "the %s is on the %s.\n", []string{"cat", "hen", "dog"}[i%3], []string{"mat", "fen", "log"}[i%3])
	}
	return b.String()
}

// trainSmall trains a run in the folder "run" on 100 lines of rhyme: 12 steps an epoch.
func trainSmall(t *testing.T, args ...string) string {
	t.Helper()
	writeFile(t, "rhyme.txt", rhyme(100))
	return must(t, append([]string{"train", "lm", "--text", "rhyme.txt", "--batch", "4", "--seq", "40", "--lr", "5",
		"--optimizer", "sgd", "--out", "run"}, args...)...)
}

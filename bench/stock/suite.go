package main

import (
	"bytes"
	_ "embed"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/cpu"
)

// Two files are added to Gorgonia's: one of its package, in which tests find the machine, and one of its external
// tests, which puts unroll's VM there. So Gorgonia does not import unroll, which imports Gorgonia.
var (
	//go:embed machine.go.txt
	machineFile []byte
	//go:embed machine_test.go.txt
	machineTestFile []byte
)

// suite is a copy of Gorgonia's source with its tests rewritten.
type suite struct {
	dir    string // temporary
	source string // within it
	binary string
}

func newSuite() (*suite, error) {
	dir, err := os.MkdirTemp("", "stock-")
	if err != nil {
		return nil, errors.WithStack(err)
	}
	return &suite{dir, filepath.Join(dir, "gorgonia"), filepath.Join(dir, "gorgonia.test")}, nil
}

// build copies, rewrites and compiles.
func (s *suite) build() error {
	unroll, err := output("", "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return err
	}
	stock, err := output(unroll, "go", "list", "-m", "-f", "{{.Dir}}", "gorgonia.org/gorgonia")
	if err != nil {
		return err
	}
	if _, err := output("", "cp", "-r", stock, s.source); err != nil {
		return err
	}
	if _, err := output("", "chmod", "-R", "u+w", s.source); err != nil {
		return err
	}
	if err := rewriteTests(s.source); err != nil {
		return err
	}
	for name, data := range map[string][]byte{"unroll.go": machineFile, "unroll_test.go": machineTestFile} {
		if err := os.WriteFile(filepath.Join(s.source, name), data, 0o644); err != nil {
			return errors.WithStack(err)
		}
	}
	if err := s.modules(unroll); err != nil {
		return err
	}
	_, err = output(s.source, "go", "test", "-mod=mod", "-vet=off", "-c", "-o", s.binary, ".")
	return err
}

// modules lets the copy require unroll as it is here, with the versions that unroll is built with.
func (s *suite) modules(unroll string) error {
	sums, err := os.ReadFile(filepath.Join(unroll, "go.sum"))
	if err != nil {
		return errors.WithStack(err)
	}
	own, err := os.ReadFile(filepath.Join(s.source, "go.sum"))
	if err != nil {
		return errors.WithStack(err)
	}
	if err := os.WriteFile(filepath.Join(s.source, "go.sum"), slices.Concat(own, sums), 0o644); err != nil {
		return errors.WithStack(err)
	}
	_, err = output(s.source, "go", "mod", "edit", "-go=1.26", "-require=github.com/unroll-ml/unroll@v0.0.0",
		"-replace=github.com/unroll-ml/unroll="+unroll)
	return err
}

// result is what became of a test that made a VM.
type result struct {
	test   string
	passed bool
	output string
}

var (
	runs    = regexp.MustCompile(`(?m)^=== RUN   (\w+)$`)
	marker  = "unroll has a graph\n"
	verdict = regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): (\w+) `)
)

// run runs all tests, some of them on the portable path.
func (s *suite) run() ([]result, error) {
	done := map[string]bool{}
	for name := range portable {
		done[name] = true
	}
	results, err := s.runBut(done)
	if err != nil {
		return nil, err
	}
	names := slices.Collect(maps.Keys(portable))
	text := s.execute([]string{cpu.PathVariable + "=portable"}, "-test.run="+anyOf(names))
	results = append(results, counted(parse(text))...)
	slices.SortFunc(results, func(a, b result) int { return strings.Compare(a.test, b.test) })
	return results, nil
}

// runBut runs all tests but those that are done. One that panics ends the program; then the others are run without it.
func (s *suite) runBut(done map[string]bool) (results []result, err error) {
	for {
		text := s.execute(nil, "-test.skip="+anyOf(slices.Collect(maps.Keys(done))))
		found := parse(text)
		if len(found) == 0 {
			return nil, errors.Errorf("the tests did not run:\n%s", text)
		}
		for _, r := range found {
			done[r.test] = true
		}
		results = append(results, counted(found)...)
		if ended := strings.TrimSpace(text); strings.HasSuffix(ended, "\nPASS") || strings.HasSuffix(ended, "\nFAIL") {
			return results, nil // and not in the middle of a test
		}
	}
}

// anyOf is a pattern for the tests with these names.
func anyOf(names []string) string { return "^(" + strings.Join(names, "|") + ")$" }

// counted are the results of the tests that made a VM.
func counted(rs []result) (those []result) {
	for _, r := range rs {
		if strings.Contains(r.output, marker) {
			r.output = strings.ReplaceAll(r.output, marker, "")
			those = append(those, r)
		}
	}
	return those
}

// parse cuts what the tests printed into one piece for each.
func parse(text string) (rs []result) {
	at := runs.FindAllStringSubmatchIndex(text, -1)
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		r := result{test: text[m[2]:m[3]], output: text[m[0]:end]}
		if v := verdict.FindStringSubmatch(r.output); v != nil {
			r.passed = v[1] != "FAIL"
		}
		rs = append(rs, r)
	}
	return rs
}

// execute gives what the program prints, however it ends.
func (s *suite) execute(env []string, args ...string) string {
	cmd := exec.Command(s.binary, append(args, "-test.v", "-test.count=1")...)
	cmd.Dir = s.source
	// The first is what an old package of Gorgonia's asks for with new versions of Go; the second are the
	// random numbers of the version of Go that the tests were written for.
	cmd.Env = slices.Concat(os.Environ(),
		[]string{"ASSUME_NO_MOVING_GC_UNSAFE_RISK_IT_WITH=go1.26", "GODEBUG=randautoseed=0,randseednop=0"}, env)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run() // a failed test says so itself
	return out.String()
}

func output(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	said := strings.TrimSpace(errs.String())
	return strings.TrimSpace(string(out)), errors.Wrapf(err, "%s %s: %s", name, strings.Join(args, " "), said)
}

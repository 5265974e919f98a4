package runlog

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type line struct {
	Event string `json:"event"`
	Step  int    `json:"step"`
	Loss  Float  `json:"loss"`
}

func TestFloat(t *testing.T) {
	for _, c := range []struct {
		x    float64
		want string
	}{
		{1.5, "1.5"}, {0, "0"}, {-1e-300, "-1e-300"}, {1e21, "1e+21"},
		{math.NaN(), `"NaN"`}, {math.Inf(1), `"Infinity"`}, {math.Inf(-1), `"-Infinity"`},
	} {
		b, err := json.Marshal(line{Loss: Float(c.x)})
		if err != nil || !strings.HasSuffix(string(b), `"loss":`+c.want+"}") {
			t.Errorf("%g: got %s, %v", c.x, b, err)
			continue
		}
		var back line
		if err := json.Unmarshal(b, &back); err != nil {
			t.Error(err)
		} else if got := float64(back.Loss); got != c.x && !(math.IsNaN(got) && math.IsNaN(c.x)) {
			t.Errorf("got %g, want %g", got, c.x)
		}
	}
	for _, bad := range []string{`"nan"`, `true`, `"1"`, `[]`} {
		var f Float
		if err := json.Unmarshal([]byte(bad), &f); err == nil {
			t.Errorf("%s was read as %g", bad, f)
		}
	}
}

// open opens the log at a path.
func open(path string, step int) (*Log, error) {
	in, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return Open(in, filepath.Base(path), step)
}

func appendAll(t *testing.T, path string, lines ...any) {
	t.Helper()
	log, err := open(path, math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		if _, err := log.Append(l); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

func steps(t *testing.T, path string) (got []line) {
	t.Helper()
	entries, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		var l line
		if err := json.Unmarshal(e.Line, &l); err != nil {
			t.Fatal(err)
		}
		if l.Event != e.Event || l.Step != e.Step {
			t.Errorf("entry %+v of line %+v", e, l)
		}
		got = append(got, l)
	}
	return got
}

func TestAppendAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.jsonl")
	appendAll(t, path, line{"step", 1, 2}, line{"step", 2, 1.5})
	appendAll(t, path, line{"step", 3, 1})
	if diff := cmp.Diff([]line{{"step", 1, 2}, {"step", 2, 1.5}, {"step", 3, 1}}, steps(t, path)); diff != "" {
		t.Error(diff)
	}
	long := strings.Repeat("x", 200_000) // longer than any fixed buffer
	appendAll(t, path, map[string]any{"event": "note", "step": 3, "text": long})
	if got := steps(t, path); len(got) != 4 {
		t.Errorf("%d lines, want 4", len(got))
	}
}

func TestTornLine(t *testing.T) {
	for _, torn := range []string{`{"event":"st`, strings.Repeat("x", 10_000)} {
		path := filepath.Join(t.TempDir(), "log.jsonl")
		appendAll(t, path, line{"step", 1, 2})
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(torn); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if got := steps(t, path); len(got) != 1 {
			t.Errorf("%d lines before the repair, want 1", len(got))
		}
		appendAll(t, path, line{"step", 2, 1})
		if diff := cmp.Diff([]line{{"step", 1, 2}, {"step", 2, 1}}, steps(t, path)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestResumedVoidsLaterSteps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.jsonl")
	appendAll(t, path, line{"step", 1, 4}, line{"step", 2, 3}, line{"step", 3, 9}, line{Resumed, 2, 0}, line{"step", 3, 2})
	want := []line{{"step", 1, 4}, {"step", 2, 3}, {Resumed, 2, 0}, {"step", 3, 2}}
	if diff := cmp.Diff(want, steps(t, path)); diff != "" {
		t.Error(diff)
	}
}

// A run that goes on from a step before the end of its log finds no later steps there, however they came to be there.
func TestOpenCuts(t *testing.T) {
	whole := []any{line{"step", 1, 4}, line{"valid", 1, 4}, line{"step", 2, 3}, line{"step", 3, 9}, line{"valid", 3, 9},
		line{"diverged", 4, 9}}
	for _, c := range []struct {
		step, keep int
		torn       string
	}{{0, 0, ""}, {1, 2, ""}, {2, 3, "{"}, {3, 5, strings.Repeat("x", 9000)}, {4, 6, ""}, {5, 6, "\n"},
		{1, 2, "\nnot a line\n{}\n"}} {
		path := filepath.Join(t.TempDir(), "log.jsonl")
		appendAll(t, path, whole...)
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(before, c.torn...), 0o644); err != nil {
			t.Fatal(err)
		}
		log, err := open(path, c.step)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.Append(line{Resumed, c.step, 0}); err != nil {
			t.Fatal(err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		var want []line
		for _, l := range whole[:c.keep] {
			want = append(want, l.(line))
		}
		want = append(want, line{Resumed, c.step, 0})
		if diff := cmp.Diff(want, steps(t, path)); diff != "" {
			t.Errorf("step %d, %.20q: %s", c.step, c.torn, diff)
		}
	}
}

// BenchmarkAppend is the price of logging a step.
func BenchmarkAppend(b *testing.B) {
	log, err := open(filepath.Join(b.TempDir(), "log.jsonl"), 0)
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	for i := range b.N {
		if _, err := log.Append(struct {
			Event           string `json:"event"`
			Step            int    `json:"step"`
			Loss            Float  `json:"loss"`
			GradNorm        Float  `json:"grad_norm"`
			TokensPerSecond Float  `json:"tokens_per_second"`
			PeakMemory      int64  `json:"peak_memory_bytes"`
		}{"step", i, 1.2345678, 0.98765, 123456.78, 1 << 30}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{"{\"event\":\"a\",\"step\":1}\nx\n", ":2: not a line of a log: invalid character 'x' looking for beginning of value"},
		{"{\"event\":\"a\"}\n", ":1: not a line of a log: no event or no step"},
		{"\n", ":1: not a line of a log: unexpected end of JSON input"},
	} {
		path := filepath.Join(t.TempDir(), "log.jsonl")
		if err := os.WriteFile(path, []byte(c.data), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil || err.Error() != path+c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

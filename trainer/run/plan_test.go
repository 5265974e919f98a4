package run

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/graph/cpu"
)

// told keeps the lines of the start.
type told struct {
	Reporter
	lines []string
}

func (t *told) Begin(s Start) { t.lines = s.Lines }

// trainLong trains a language model on long windows, and gives what it said at the start and the files with its
// numbers.
func trainLong(t *testing.T, r Running) (lines []string, files [][]byte, err error) {
	t.Helper()
	c := Defaults(TaskLM)
	c.Model.Cell, c.Model.Hidden, c.Model.Layers, c.Model.Embed = "lstm", 16, 2, 8
	c.Model.Dropout = 0.2
	c.Training.Seq, c.Training.Batch, c.Training.Epochs, c.Training.Steps = 1030, 8, 0, 2
	r.Device = "cpu"
	c.Running = r
	task, err := NewLM(c, datasets.Builtin(), nil, On(cpu.New(cpu.Threads(1))))
	if err != nil {
		t.Fatal(err)
	}
	defer task.Close()
	dir := filepath.Join(t.TempDir(), "run")
	report := &told{Reporter: silent{}}
	if _, err := Train(context.Background(), dir, task, Options{Report: report}); err != nil {
		return nil, nil, err
	}
	for _, name := range []string{"weights.safetensors", "optimizer.safetensors"} {
		data, err := os.ReadFile(filepath.Join(dir, Last, name))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, data)
	}
	return report.lines, files, nil
}

// What training takes is said before it starts. With less memory the run has the same bytes, and too little is refused
// with what is enough.
func TestMemoryOfTraining(t *testing.T) {
	lines, want, err := trainLong(t, Running{})
	if err != nil {
		t.Fatal(err)
	}
	about := func(lines []string) string {
		i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "memory: ") })
		if i < 0 {
			t.Fatalf("no line about memory in %q", lines)
		}
		return lines[i]
	}
	if l := about(lines); !strings.Contains(l, "; weights ") || strings.Contains(l, "computes the others again") {
		t.Errorf("all is kept, and the line is %q", l)
	}
	lines, got, err := trainLong(t, Running{Recompute: 128})
	if err != nil {
		t.Fatal(err)
	}
	if l := about(lines); !strings.HasSuffix(l, "every 128th state is kept, and the way back computes the others again") {
		t.Errorf("128 steps at a time, and the line is %q", l)
	}
	if !slices.EqualFunc(got, want, slices.Equal[[]byte]) {
		t.Errorf("the run that computes 128 steps again has other bytes")
	}

	_, _, err = trainLong(t, Running{Memory: 1e6})
	var wrong *SettingsError
	if !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), "`memory` is 1.0 MB, and training takes at least ") {
		t.Errorf("a megabyte: %v", err)
	}
	for _, r := range []Running{{Memory: -1}, {Recompute: -1}} {
		if err := r.Check(); !errors.As(err, &wrong) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func TestOrdinal(t *testing.T) {
	for n, want := range map[int]string{1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 64: "64th", 112: "112th",
		1021: "1,021st"} {
		if got := ordinal(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]int64{99: 99, 100: 100, 101: 110, 78_400_001: 79_000_000} {
		if got := roundedUp(n); got != want {
			t.Errorf("%d becomes %d, want %d", n, got, want)
		}
	}
}

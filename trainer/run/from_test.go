package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/graph/cpu"
)

// begun makes a task that begins with a run, with data like those that the run was trained on.
func begun(t *testing.T, r *Run, change func(*Config), meant ...string) (Task, error) {
	t.Helper()
	task := r.Config().Task
	c := Defaults(task)
	c.Training.Epochs, c.Training.Steps, c.Training.LR = 0, 2, 1e-4
	if change != nil {
		change(&c)
	}
	opts := []Option{On(cpu.New(cpu.Threads(1))), From(r, meant...)}
	switch task {
	case TaskLM:
		c.Training.Batch, c.Training.Seq = 2, 8
		return NewLM(c, text(t), nil, opts...)
	case TaskClassify:
		return NewClassifier(c, table(t), nil, opts...)
	}
	pairs, valid, err := tasks.Pairs("dates", tasks.Config{Seed: 1, Train: 80, Valid: 10})
	if err != nil {
		t.Fatal(err)
	}
	return NewSeq2Seq(c, pairs, valid, opts...)
}

// A run that begins with another starts from the validation loss with which that one ended, and goes on from there.
func TestFrom(t *testing.T) {
	for _, task := range []string{TaskLM, TaskClassify, TaskSeq2Seq} {
		r := trained(t, task)
		work, err := begun(t, r, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer work.Close()
		m, err := work.Validate(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Load(work); err != nil { // says where the run stood
			t.Fatal(err)
		}
		at, err := loadCheckpoint(r.checkpoint(), r.config, work, false)
		if err != nil {
			t.Fatal(err)
		}
		if at.BestLoss == nil || m.Loss != *at.BestLoss {
			t.Errorf("%s: begins with %g, the run ended with %v", task, m.Loss, at.BestLoss)
		}
		dir := filepath.Join(t.TempDir(), "tuned")
		if _, err := Train(context.Background(), dir, work, Options{}); err != nil {
			t.Fatal(err)
		}
		tuned, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		weights, err := os.ReadFile(filepath.Join(r.checkpoint(), "weights.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		if from := tuned.Config().From; from == nil || from.Run != r.Dir() || from.Step != 4 || from.Weights != sha256Hex(weights) {
			t.Errorf("%s: comes from %+v", task, from)
		}
		if got, want := tuned.Config().Model, r.Config().Model; got.Hidden != 8 || got.VocabSHA256 != want.VocabSHA256 || got.TargetSHA256 != want.TargetSHA256 {
			t.Errorf("%s: %+v, want the model %+v", task, got, want)
		}
	}
}

func TestFromRefuses(t *testing.T) {
	r := trained(t, TaskLM)
	for _, c := range []struct {
		change  func(*Config)
		meant   []string
		problem string
	}{
		{func(c *Config) { c.Model.Hidden = 16 }, nil, "`hidden` is 16, and the model of " + r.Dir() + " has 8: leave it out, for the model comes from there"},
		{nil, []string{"hidden"}, "`hidden` is 128, and the model of " + r.Dir() + " has 8: leave it out, for the model comes from there"},
		{func(c *Config) { c.Model.Tied = true }, nil, "`tie` is true, and the model of " + r.Dir() + " has false: leave it out, for the model comes from there"},
	} {
		_, err := begun(t, r, c.change, c.meant...)
		if wrong := (*SettingsError)(nil); !errors.As(err, &wrong) || err.Error() != c.problem {
			t.Errorf("%v, want %s", err, c.problem)
		}
	}
	if _, err := begun(t, r, func(c *Config) { c.Model.Hidden, c.Model.Dropout = 8, 0.5 }, "hidden"); err != nil {
		t.Errorf("the same, and more dropout: %v", err)
	}
	c := Defaults(TaskClassify)
	_, err := NewClassifier(c, table(t), nil, From(r))
	if other := (*TaskError)(nil); !errors.As(err, &other) {
		t.Errorf("of another task: %v", err)
	}
}

// Other labels get an output layer of their own; what is below it stays.
func TestFromOtherLabels(t *testing.T) {
	r := trained(t, TaskClassify)
	path := filepath.Join(t.TempDir(), "thirds.tsv")
	s := ""
	for i := range 60 {
		s += fmt.Sprintf("%d\t%d\n", i*i, i%3)
	}
	writeFile(t, path, s)
	thirds, err := datasets.ReadTable(path, datasets.Format{})
	if err != nil {
		t.Fatal(err)
	}
	work, err := NewClassifier(Defaults(TaskClassify), thirds, nil, On(cpu.New(cpu.Threads(1))), From(r))
	if err != nil {
		t.Fatal(err)
	}
	defer work.Close()
	f, err := openCheckpoint(r.checkpoint())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	before, err := f.Weights()
	if err != nil {
		t.Fatal(err)
	}
	after, err := work.Params()
	if err != nil {
		t.Fatal(err)
	}
	old := map[string]string{}
	for _, x := range before {
		old[x.Name] = fmt.Sprint(x.Data)
	}
	for _, x := range after {
		same := fmt.Sprint(x.Data) == old[x.Name]
		if output := strings.HasPrefix(x.Name, outputPrefix); output == same {
			t.Errorf("%s is that of the run: %v", x.Name, same)
		}
	}
	notes := strings.Join(work.Describe(1), "\n")
	if want := "beginning with the model of classify, as it is after step 4; its labels are others, so the output layer is new"; !strings.Contains(notes, want) {
		t.Errorf("%s\nlacks %s", notes, want)
	}
}

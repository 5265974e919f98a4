package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
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
	case TaskTag:
		return NewTagger(c, places(t, 60), nil, opts...)
	}
	pairs, valid, err := tasks.Pairs("dates", tasks.Config{Seed: 1, Train: 80, Valid: 10})
	if err != nil {
		t.Fatal(err)
	}
	return NewSeq2Seq(c, pairs, valid, opts...)
}

// A run that begins with another starts from the validation loss with which that one ended, and goes on from there.
func TestFrom(t *testing.T) {
	for _, task := range []string{TaskLM, TaskClassify, TaskSeq2Seq, TaskTag} {
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
		at, err := r.Load(work)
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
		if from := tuned.Config().From; from == nil || from.Run != r.Dir() || from.Step != 4 ||
			from.Weights != sha256Hex(weights) {
			t.Errorf("%s: comes from %+v", task, from)
		}
		if got, want := tuned.Config().Model, r.Config().Model; got.Hidden != 8 || got.VocabSHA256 != want.VocabSHA256 ||
			got.TargetSHA256 != want.TargetSHA256 {
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
	if want := "beginning with the model of classify, as it is after step 4; its labels are others, so the " +
		"output layer is new"; !strings.Contains(notes, want) {
		t.Errorf("%s\nlacks %s", notes, want)
	}
}

// byName are tensors' data by their names, of a checkpoint's weights or of a task.
func byName(t *testing.T, tensors []checkpoint.Tensor, err error) map[string][]float32 {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	data := map[string][]float32{}
	for _, x := range tensors {
		data[x.Name] = x.Data.([]float32)
	}
	return data
}

// weightsOf are those of a run's checkpoint.
func weightsOf(t *testing.T, r *Run) map[string][]float32 {
	t.Helper()
	f, err := openCheckpoint(r.checkpoint())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	weights, err := f.Weights()
	return byName(t, weights, err)
}

// Of the output layer, labels that the run has keep their rows, wherever they are now.
func TestFromSomeLabels(t *testing.T) {
	r := trained(t, TaskClassify) // even, odd
	s := ""
	for i := range 60 {
		s += fmt.Sprintf("%d\t%s\n", i*i, []string{"a square", "odd", "zero"}[i%3])
	}
	path := filepath.Join(t.TempDir(), "some.tsv")
	writeFile(t, path, s)
	some, err := datasets.ReadTable(path, datasets.Format{})
	if err != nil {
		t.Fatal(err)
	}
	work, err := NewClassifier(Defaults(TaskClassify), some, nil, On(cpu.New(cpu.Threads(1))), From(r))
	if err != nil {
		t.Fatal(err)
	}
	defer work.Close()
	params, err := work.Params()
	before, after := weightsOf(t, r), byName(t, params, err)
	const hidden = 8
	for name, width := range map[string]int{"output.weight": hidden, "output.bias": 1} {
		old, now := before[name], after[name]
		if len(old) != 2*width || len(now) != 3*width || !slices.Equal(now[width:2*width], old[width:]) {
			t.Errorf("%s: the row of %q is %v, want %v", name, "odd", now[width:2*width], old[width:])
		}
		if slices.Equal(now[:width], old[:width]) || slices.Equal(now[2*width:], old[:width]) {
			t.Errorf("%s: a label that the run does not have got the row of %q", name, "even")
		}
	}
	if !slices.Equal(before["embedding.weight"], after["embedding.weight"]) {
		t.Error("the embedding changed")
	}
	notes := strings.Join(work.Describe(1), "\n")
	if want := "after step 4; it has 1 of the 3 labels: their weights stay, those of the " +
		"others are new"; !strings.Contains(notes, want) {
		t.Errorf("%s\nlacks %s", notes, want)
	}
}

// A language model of characters learns new ones; it begins with the same predictions for the others.
func TestFromNewCharacters(t *testing.T) {
	for _, embed := range []int{4, 0} { // with one-hot tokens the first layer has columns for characters
		c := Defaults(TaskLM)
		c.Model.Hidden, c.Model.Embed, c.Training.Epochs, c.Training.Steps = 8, embed, 0, 4
		c.Training.Batch, c.Training.Seq = 2, 8
		device := On(cpu.New(cpu.Threads(1)))
		first, err := NewLM(c, text(t), nil, device)
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		dir := filepath.Join(t.TempDir(), "lm")
		if _, err := Train(context.Background(), dir, first, Options{}); err != nil {
			t.Fatal(err)
		}
		r, err := Open(dir, device)
		if err != nil {
			t.Fatal(err)
		}
		other, err := datasets.NewText("other", strings.Repeat("A né text of 9 line\n", 40)) // A and é are new
		if err != nil {
			t.Fatal(err)
		}
		c.Model.Hidden, c.Model.Embed = Defaults(TaskLM).Model.Hidden, Defaults(TaskLM).Model.Embed
		work, err := NewLM(c, other, nil, device, From(r))
		if err != nil {
			t.Fatal(err)
		}
		defer work.Close()
		if got, want := work.Vocab().Len(), r.Vocab().Len()+2; got != want {
			t.Errorf("embed %d: %d characters, want %d", embed, got, want)
		}
		was, err := r.LanguageModel()
		if err != nil {
			t.Fatal(err)
		}
		defer was.Close()
		for range 2 { // the second after the state that the first left
			for i := range int32(r.Vocab().Len()) {
				runes := []rune(r.Vocab().Name(i))
				j, ok := work.Vocab().Token(runes[0])
				if !ok {
					t.Fatalf("%q is gone", runes[0])
				}
				want, err := was.model.Next(i)
				if err != nil {
					t.Fatal(err)
				}
				got, err := work.Next(j)
				if err != nil {
					t.Fatal(err)
				}
				for k, x := range want {
					at, _ := work.Vocab().Token([]rune(r.Vocab().Name(int32(k)))[0])
					if d := got[at] - x; d > 1e-5 || d < -1e-5 {
						t.Fatalf("embed %d: after %q the logit of %q is %g, and %g in the run", embed, runes[0],
							r.Vocab().Name(int32(k)), got[at], x)
					}
				}
			}
		}
		notes := strings.Join(work.Describe(1), "\n")
		if want := "after step 4; 2 characters of these data are new to it: their weights are fresh, those of " +
			"the others stay"; !strings.Contains(notes, want) {
			t.Errorf("%s\nlacks %s", notes, want)
		}
		tuned := filepath.Join(t.TempDir(), "tuned")
		if _, err := Train(context.Background(), tuned, work, Options{}); err != nil {
			t.Fatal(err)
		}
		if again, err := Open(tuned, device); err != nil || again.Vocab().Len() != work.Vocab().Len() {
			t.Error(err)
		}
	}
}

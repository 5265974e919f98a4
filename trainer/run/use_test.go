package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/internal/translate"
	"github.com/unroll-ml/unroll/models/decode"
)

// folders are what is in the folders of runs that several tests use, by name.
var folders = map[string]fstest.MapFS{}

// once gives the folder of a run: one that train writes or, if it has written one of that name before, a copy.
func once(t *testing.T, name string, train func(dir string)) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if files := folders[name]; files != nil {
		if err := os.CopyFS(dir, files); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	train(dir)
	files, in := fstest.MapFS{}, os.DirFS(dir)
	err := fs.WalkDir(in, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(in, path)
		files[path] = &fstest.MapFile{Data: data, Mode: 0o666}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	folders[name] = files
	return dir
}

// trained trains a small model of a task for a few steps, and opens its run.
func trained(t *testing.T, task string) *Run {
	t.Helper()
	device := On(cpu.New(cpu.Threads(1)))
	dir := once(t, task, func(dir string) {
		c := Defaults(task)
		c.Model.Hidden, c.Model.Embed, c.Training.Epochs, c.Training.Steps = 8, 4, 0, 4
		var work Task
		var err error
		switch task {
		case TaskLM:
			c.Training.Batch, c.Training.Seq = 2, 8
			work, err = NewLM(c, text(t), nil, device)
		case TaskClassify:
			work, err = NewClassifier(c, table(t), nil, device)
		case TaskTag:
			work, err = NewTagger(c, places(t, 60), nil, device)
		default:
			pairs, valid, e := tasks.Pairs("dates", tasks.Config{Seed: 1, Train: 80, Valid: 10})
			if e != nil {
				t.Fatal(e)
			}
			work, err = NewSeq2Seq(c, pairs, valid, device)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer work.Close()
		if _, err := Train(context.Background(), dir, work, Options{}); err != nil {
			t.Fatal(err)
		}
	})
	r, err := Open(dir, device)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func text(t *testing.T) *datasets.Text {
	t.Helper()
	s := ""
	for i := range 60 {
		s += fmt.Sprintf("line %d of a text\n", i*i)
	}
	text, err := datasets.NewText("text", s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// places are sentences of the task of this name.
func places(t *testing.T, n int) *datasets.Tagged {
	t.Helper()
	sentences, _, err := tasks.Tagged("places", tasks.Config{Seed: 1, Train: n, Valid: 1})
	if err != nil {
		t.Fatal(err)
	}
	return sentences
}

// table is a file that stays, so that runs which were trained on it can read it again.
func table(t *testing.T) *datasets.Table {
	t.Helper()
	table, err := datasets.ReadTable(filepath.Join("testdata", "squares.tsv"), datasets.Format{})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

var dates = []string{"15.5.39", "", "the seventeenth of september 1962", "1/2/3", "  ", "23rd of December, 2006",
	"15.5.39", "2000-01-01"}

// What a text becomes does not depend on the texts beside it, nor on who else uses the model.
func TestTranslator(t *testing.T) {
	m, err := trained(t, TaskSeq2Seq).Translator()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx := context.Background()
	beam := translate.Options{Beam: decode.Beam{Width: 3, Best: 2}}
	var want [][]translate.Translation
	for _, line := range dates {
		one, err := m.Translate(ctx, 1, []string{line}, beam)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, one...)
	}
	for i, found := range want {
		if blank := dates[i] == "" || dates[i] == "  "; blank != (len(found) == 0) || !blank && len(found) != 2 {
			t.Errorf("%q has %d translations", dates[i], len(found))
		}
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			got, err := m.Translate(ctx, 1, dates, beam)
			if err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(want, got,
				cmp.Comparer(func(x, y float64) bool { return x == y || max(x-y, y-x) < 1e-5 })); diff != "" {
				t.Error(diff)
			}
		})
	}
	wait.Wait()
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := m.Translate(done, 1, dates, beam); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	for _, wrong := range []TranslateOptions{
		{Beam: decode.Beam{Width: -1}}, {Beam: decode.Beam{Best: -1}}, {Beam: decode.Beam{Best: 2}},
		{Beam: decode.Beam{Best: -1}, Sampling: &decode.Sampling{}}, {Sampling: &decode.Sampling{Temperature: -1}},
	} {
		if _, err := m.Translate(ctx, 1, dates, wrong); err == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}

func TestClassifier(t *testing.T) {
	r := trained(t, TaskClassify)
	m, err := r.Classifier()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	texts := []string{"144", "", "3249", "1", "123456789", "9"}
	together, err := m.Classify(context.Background(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		var wait sync.WaitGroup
		for range 2 {
			wait.Go(func() {
				alone, err := m.Classify(context.Background(), []string{text})
				if err != nil {
					t.Error(err)
				}
				if !slices.EqualFunc(alone[0], together[i], func(a, b Label) bool {
					return a.Name == b.Name && max(a.Probability-b.Probability, b.Probability-a.Probability) < 1e-6
				}) {
					t.Errorf("%q alone: %v, beside others: %v", text, alone[0], together[i])
				}
			})
		}
		wait.Wait()
		if n := len(together[i]); text == "" && n != 0 || text != "" && n != 2 {
			t.Errorf("%q has %d labels", text, n)
		}
	}
	var other *TaskError
	if _, err := r.LanguageModel(); !errors.As(err, &other) || other.Task != TaskClassify {
		t.Errorf("%v", err)
	}
}

func TestLanguageModel(t *testing.T) {
	r := trained(t, TaskLM)
	m, err := r.LanguageModel()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	prompt, _, err := r.Prompt("prompt", "line 4", false)
	if err != nil {
		t.Fatal(err)
	}
	written := func(seed uint64) (s string) {
		if err := m.Write(context.Background(), prompt, 20, decode.Sampling{Temperature: 1}, seed, func(more string) error {
			s += more
			return nil
		}); err != nil {
			t.Error(err)
		}
		return s
	}
	want := written(1)
	if len(want) != 20 || want == written(2) {
		t.Errorf("wrote %q, and the same with another seed", want)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			if got := written(1); got != want {
				t.Errorf("wrote %q, want %q", got, want)
			}
		})
	}
	wait.Wait()
	var data *datasets.Error
	if _, _, err := r.Prompt("prompt", "Ä", false); !errors.As(err, &data) {
		t.Errorf("%v", err)
	}
}

// A run is evaluated on what it was validated on, with the numbers of the log.
func TestEvaluate(t *testing.T) {
	v, err := trained(t, TaskClassify).Evaluate(context.Background(), EvalConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if best := v.At.BestLoss; v.Split != SplitValidation || best == nil || max(v.Loss-*best, *best-v.Loss) > 1e-9 {
		t.Errorf("%+v", v)
	}
}

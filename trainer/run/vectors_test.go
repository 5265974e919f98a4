package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/graph/cpu"
)

const embedding = "embedding.weight"

// digitVectors is a file of vectors of three numbers for some digits.
func digitVectors(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "digits.vec")
	writeFile(t, path, "3 3\n1 0.5 0.25 -0.5\n2 1 2 3\n4 -4 -4 4\n")
	return path
}

// fresh makes a task of a small model; change completes its configuration.
func fresh(t *testing.T, task string, change func(*Config)) (Task, error) {
	t.Helper()
	c := Defaults(task)
	c.Model.Hidden, c.Model.Embed, c.Training.Epochs, c.Training.Steps = 8, 0, 0, 4
	change(&c)
	device := On(cpu.New(cpu.Threads(1)))
	switch task {
	case TaskLM:
		c.Training.Batch, c.Training.Seq = 8, 16
		return NewLM(c, text(t), nil, device)
	case TaskClassify:
		return NewClassifier(c, table(t), nil, device)
	}
	pairs, valid, err := tasks.Pairs("dates", tasks.Config{Seed: 1, Train: 80, Valid: 10})
	if err != nil {
		t.Fatal(err)
	}
	return NewSeq2Seq(c, pairs, valid, device)
}

// row is that of a token in an embedding.
func row(t *testing.T, task Task, weight string, v *datasets.Vocab, token rune) []float32 {
	t.Helper()
	weights, err := task.Params()
	if err != nil {
		t.Fatal(err)
	}
	at, ok := v.Token(token)
	for _, w := range weights {
		if w.Name == weight && ok {
			return slices.Clone(w.Data.([]float32)[3*at:][:3])
		}
	}
	t.Fatalf("%q has no row in %s", token, weight)
	return nil
}

// Every model of texts begins with the vectors of a file; frozen ones are there after training, others have
// moved; and the run is used when the file is gone.
func TestVectors(t *testing.T) {
	two := []float32{1, 2, 3}
	for _, task := range []string{TaskLM, TaskClassify, TaskSeq2Seq} {
		for _, frozen := range []bool{false, true} {
			path := digitVectors(t)
			work, err := fresh(t, task, func(c *Config) {
				c.Vectors = &Vectors{Path: path, Frozen: frozen}
				if task == TaskSeq2Seq {
					c.TargetVectors = &Vectors{Path: path, Frozen: frozen}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			defer work.Close()
			v, names := vocabOf(work), []string{embedding}
			if task == TaskSeq2Seq {
				names = []string{"encoder.embedding.weight", "decoder.embedding.weight"}
			}
			other := row(t, work, names[0], v[0], '9')
			for i, name := range names {
				if got := row(t, work, name, v[i], '2'); !slices.Equal(got, two) {
					t.Errorf("%s: %s of 2 is %v", task, name, got)
				}
			}
			dir := filepath.Join(t.TempDir(), task)
			if _, err := Train(context.Background(), dir, work, Options{}); err != nil {
				t.Fatal(err)
			}
			for i, name := range names {
				if got := row(t, work, name, v[i], '2'); slices.Equal(got, two) != frozen {
					t.Errorf("%s, frozen %t: after training %s of 2 is %v", task, frozen, name, got)
				}
			}
			if same := slices.Equal(row(t, work, names[0], v[0], '9'), other); same != frozen {
				t.Errorf("%s, frozen %t: a row that was drawn stays: %t", task, frozen, same)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			r, err := Open(dir, On(cpu.New(cpu.Threads(1))))
			if err != nil {
				t.Fatal(err)
			}
			want := *work.Config().Vectors
			if got := r.Config().Vectors; !cmp.Equal(*got, want) || got.Found != 3 || got.Path != path ||
				r.Config().Model.Embed != 3 || got.Covered <= 0 {
				t.Errorf("%s: the configuration has %+v, want %+v", task, got, want)
			}
			if _, err := r.Load(work); err != nil {
				t.Error(err)
			}
		}
	}
}

// vocabOf are the vocabularies of a task.
func vocabOf(task Task) []*datasets.Vocab {
	switch t := task.(type) {
	case *LMTask:
		return []*datasets.Vocab{t.Vocab()}
	case *ClassifierTask:
		return []*datasets.Vocab{t.vocab}
	case *Seq2SeqTask:
		return []*datasets.Vocab{t.source, t.target}
	}
	return nil
}

// A language model whose output weights are its embedding may have frozen vectors as well.
func TestTiedVectors(t *testing.T) {
	path := digitVectors(t)
	work, err := fresh(t, TaskLM, func(c *Config) { c.Vectors, c.Model.Tied = &Vectors{Path: path, Frozen: true}, true })
	if err != nil {
		t.Fatal(err)
	}
	defer work.Close()
	if _, _, _, err := work.Step(0, 0.1); err != nil {
		t.Fatal(err)
	}
	if got := row(t, work, embedding, vocabOf(work)[0], '4'); !slices.Equal(got, []float32{-4, -4, 4}) {
		t.Error(got)
	}
}

func TestVectorsThatDoNotFit(t *testing.T) {
	path, more, none := digitVectors(t), filepath.Join(t.TempDir(), "more.vec"), filepath.Join(t.TempDir(), "none.vec")
	writeFile(t, more, "1 0.5 0.25\n2 3 4\n")
	r := trained(t, TaskClassify)
	for _, c := range []struct {
		task   string
		change func(*Config)
		want   string
	}{
		{TaskLM, func(c *Config) { c.Vectors, c.Model.Embed = &Vectors{Path: path}, 32 }, "`embed` is 32, and the vectors of FILE have 3 numbers: leave `embed` out"},
		{TaskSeq2Seq, func(c *Config) { c.Vectors, c.TargetVectors = &Vectors{Path: path}, &Vectors{Path: more} },
			"the vectors of FILE have 3 numbers and those of MORE 2: `vectors` and `target_vectors` must have as many"},
		{TaskLM, func(c *Config) { c.TargetVectors = &Vectors{Path: path} }, "`target_vectors` are for an embedding that a language model does not have: leave them out"},
		{TaskLM, func(c *Config) { c.Vectors = &Vectors{} }, "`vectors` name no file"},
		{TaskLM, func(c *Config) { c.Vectors = &Vectors{Path: none} }, "`vectors`: NONE does not exist: check the path"},
		{TaskClassify, func(c *Config) { c.Vectors, c.Model.Input = &Vectors{Path: path}, 3 }, "`vectors` are of words, and the model reads numbers: leave them out"},
		{TaskClassify, func(c *Config) { c.Vectors, c.with.from = &Vectors{Path: path}, &beginning{run: r} },
			"`vectors` are for a model that begins fresh, and with `from` it begins with the embedding of RUN: leave one of them out"},
	} {
		_, err := fresh(t, c.task, c.change)
		if err == nil {
			t.Errorf("no error, want %s", c.want)
			continue
		}
		if got := strings.NewReplacer(path, "FILE", more, "MORE", none, "NONE", r.dir, "RUN").Replace(
			err.Error(),
		); got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
}

// A run with other vectors is another run; where they lie does not matter.
func TestOtherVectors(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	train := func(path string, frozen bool) error {
		work, err := fresh(t, TaskClassify,
			func(c *Config) { c.Vectors, c.Training.Steps = &Vectors{Path: path, Frozen: frozen}, 2 })
		if err != nil {
			t.Fatal(err)
		}
		defer work.Close()
		_, err = Train(context.Background(), dir, work, Options{})
		return err
	}
	if err := train(digitVectors(t), true); err != nil {
		t.Fatal(err)
	}
	var finished *FinishedError
	if err := train(digitVectors(t), true); !errors.As(err, &finished) {
		t.Errorf("the same vectors elsewhere: %v", err)
	}
	changed := digitVectors(t)
	writeFile(t, changed, "1 1 1 1\n2 2 2 2\n4 4 4 4\n")
	var other *OtherSettingsError
	if err := train(changed, true); !errors.As(err, &other) ||
		!strings.HasPrefix(other.Difference, "other data, or data that have changed: sha256 ") {
		t.Errorf("%v", err)
	}
	if err := train(digitVectors(t), false); !errors.As(err, &other) ||
		other.Difference != "frozen: true there, not here" {
		t.Errorf("%v", err)
	}
}

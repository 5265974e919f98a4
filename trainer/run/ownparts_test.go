package run

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// lion moves weights by the sign of a mean of gradients (Chen et al., 2023).
type lion struct{}

func (lion) Updates(b *op.Builder, s *optim.States, params []optim.Param) (us []graph.Update) {
	for _, p := range params {
		m := s.Like("mean", p.Weight)
		by := b.Sign(b.Add(b.Affine(m, 0.9, 0), b.Affine(p.Grad, 0.1, 0)))
		us = append(us,
			graph.Update{State: p.Weight, Value: b.Sub(p.Weight, b.Mul(p.Rate, by))},
			graph.Update{State: m, Value: b.Add(b.Affine(m, 0.99, 0), b.Affine(p.Grad, 0.01, 0))})
	}
	return us
}

// halved is the dot product halved.
type halved struct{}

func (halved) NewAttention(*models.Params, int, int) (models.Attention, error) { return halved{}, nil }

func (halved) Scores(b *op.Builder, query, memory *G.Node) *G.Node {
	return b.Affine(b.Squeeze(b.Product(memory, b.Expand(query, 2)), 2), 0.5, 0)
}

var evens = &datasets.Table{Name: "evens", Rows: []datasets.Row{
	{Text: "1", Label: "odd"}, {Text: "2", Label: "even"}, {Text: "3", Label: "odd"}, {Text: "4", Label: "even"},
	{Text: "5", Label: "odd"}, {Text: "6", Label: "even"},
}}

// ownTasks are tasks with a part each of the program's own.
var ownTasks = map[string]func(t *testing.T, steps int) (Task, error){
	"cell": func(t *testing.T, steps int) (Task, error) {
		c := Defaults(TaskLM)
		c.Model.Cell, c.Training.Seq = "mgu", 8
		return NewLM(few(c, steps), text(t), nil, Cell("mgu", mgu{}), On(cpu.New(cpu.Threads(1))))
	},
	"attention": func(t *testing.T, steps int) (Task, error) {
		c := Defaults(TaskSeq2Seq)
		c.Model.Attention = "halved"
		pairs := datasets.NewPairs("pairs", []datasets.Pair{{Source: "a b", Target: "b"}, {Source: "b", Target: "a"}})
		return NewSeq2Seq(few(c, steps), pairs, pairs, Attention("halved", halved{}), On(cpu.New(cpu.Threads(1))))
	},
	"optimizer": func(t *testing.T, steps int) (Task, error) {
		c := Defaults(TaskClassify)
		c.Training.Optimizer = "lion"
		return NewClassifier(few(c, steps), evens, nil, Optimizer("lion", lion{}), On(cpu.New(cpu.Threads(1))))
	},
	"decoder's cell": func(t *testing.T, steps int) (Task, error) {
		c := Defaults(TaskForecast)
		c.Model.Forecast.Horizon, c.Model.Forecast.Head, c.Model.Forecast.DecoderCell = 2, AutoregressiveHead, "mgu"
		return NewForecaster(few(c, steps), seasons(30, 30), Cell("mgu", mgu{}), On(cpu.New(cpu.Threads(1))))
	},
}

// few is a configuration of a small model and few steps.
func few(c Config, steps int) Config {
	c.Model.Hidden, c.Model.Embed, c.Training.Batch = 4, 4, 2
	c.Training.Epochs, c.Training.Steps, c.Training.Warmup, c.Training.Schedule = 0, steps, 0, "constant"
	return c
}

// trainIn trains a task in a folder, and closes it.
func trainIn(t *testing.T, dir string, o Options) func(Task, error) error {
	return func(task Task, err error) error {
		if err != nil {
			t.Fatal(err)
		}
		defer task.Close()
		_, err = Train(context.Background(), dir, task, o)
		return err
	}
}

// A run with a part of the program's own goes on, to the same weights.
func TestOwnPartsGoOn(t *testing.T) {
	for name, make := range ownTasks {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			weights := func(dir string) []byte {
				data, err := os.ReadFile(filepath.Join(dir, Last, "weights.safetensors"))
				if err != nil {
					t.Fatal(err)
				}
				return data
			}
			if err := trainIn(t, "whole", Options{})(make(t, 4)); err != nil {
				t.Fatal(err)
			}
			task, err := make(t, 2)
			if err != nil {
				t.Fatal(err)
			}
			first := numbered(task.Config().Task, 1)
			if err := trainIn(t, first, Options{})(task, nil); err != nil {
				t.Fatal(err)
			}
			if task, err = make(t, 4); err != nil {
				t.Fatal(err)
			}
			if found := Unfinished(task); found != first {
				t.Errorf("the run to go on with is %q, want %q", found, first)
			}
			if err := trainIn(t, first, Options{})(task, nil); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(weights(first), weights("whole")) {
				t.Error("the weights are not those of a run without a stop")
			}
		})
	}
}

// To a program without the part the run is another one than its own, which it may replace.
func TestOwnPartsReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if err := trainIn(t, dir, Options{})(ownTasks["cell"](t, 1)); err != nil {
		t.Fatal(err)
	}
	usual := func() (Task, error) {
		c := Defaults(TaskLM)
		c.Training.Seq = 8
		return NewLM(few(c, 1), text(t), nil, On(cpu.New(cpu.Threads(1))))
	}
	err := trainIn(t, dir, Options{})(usual())
	if is := (*OtherSettingsError)(nil); !errors.As(err, &is) {
		t.Errorf("another task in the folder: %v", err)
	}
	if err := trainIn(t, dir, Options{Overwrite: true})(usual()); err != nil {
		t.Errorf("replaced: %v", err)
	}
}

// A run is used without the optimizer that it was trained with, and not trained.
func TestUsedWithoutItsOptimizer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if err := trainIn(t, dir, Options{})(ownTasks["optimizer"](t, 2)); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir, On(cpu.New(cpu.Threads(1))))
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Classifier()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if labels, err := m.Classify(context.Background(), []string{"4"}); err != nil || len(labels[0]) < 2 {
		t.Errorf("%v, %v", labels, err)
	}
	for name, o := range map[string]Option{"not given": On(nil), "nil": Optimizer("lion", nil)} {
		task, err := NewClassifier(*r.Config(), evens, nil, o)
		if is := (*SettingsError)(nil); !errors.As(err, &is) {
			t.Errorf("%s: a task %v, error %v", name, task != nil, err)
		}
	}
}

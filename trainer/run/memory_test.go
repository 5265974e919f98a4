package run

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/graph/cpu"
)

// inMemoryTasks are tasks of data that have neither a name nor a sum; other makes one thing of them another.
var inMemoryTasks = map[string]func(t *testing.T, other bool) (Task, error){
	TaskClassify: func(t *testing.T, other bool) (Task, error) {
		data := &datasets.Table{Rows: append([]datasets.Row{}, evens.Rows...)}
		if other {
			data.Rows[0].Text = "9"
		}
		return NewClassifier(few(Defaults(TaskClassify), 1), data, nil, On(cpu.New(cpu.Threads(1))))
	},
	TaskRegress: func(t *testing.T, other bool) (Task, error) {
		data := &series.Cases{Channels: 1, Regression: true}
		for i := range 8 {
			data.Cases = append(data.Cases, series.Case{Values: [][]float64{{1, float64(i)}}, Number: float64(i)})
		}
		if other {
			data.Cases[0].Number = 0.5
		}
		return NewRegressor(few(Defaults(TaskRegress), 1), data, nil, On(cpu.New(cpu.Threads(1))))
	},
	TaskForecast: func(t *testing.T, other bool) (Task, error) {
		data := seasons(30, 30)
		data.Name, data.SHA256 = "", ""
		if other {
			data.Series[1].Values[0][3]++
		}
		c := smallForecaster(1)
		return NewForecaster(few(c, 1), data, On(cpu.New(cpu.Threads(1))))
	},
	TaskSeq2Seq: func(t *testing.T, other bool) (Task, error) {
		pairs := []datasets.Pair{{Source: "a", Target: "b"}, {Source: "b", Target: "a"}, {Source: "a b", Target: "b a"}}
		if other {
			pairs[0].Target = "a"
		}
		return NewSeq2Seq(few(Defaults(TaskSeq2Seq), 1), datasets.NewPairs("", pairs), nil, On(cpu.New(cpu.Threads(1))))
	},
	TaskLM: func(t *testing.T, other bool) (Task, error) {
		s := strings.Repeat("a text of a few lines\n", 9)
		if other {
			s += "and another one"
		}
		data, err := datasets.NewText("", s)
		if err != nil {
			t.Fatal(err)
		}
		c := Defaults(TaskLM)
		c.Training.Seq = 4
		return NewLM(few(c, 1), data, nil, On(cpu.New(cpu.Threads(1))))
	},
}

// Data that a program has made need no name and no sum: a run in a folder is still that of other data, and is not
// measured on what no file has.
func TestDataInMemory(t *testing.T) {
	for name, make := range inMemoryTasks {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			if err := trainIn(t, dir, Options{})(make(t, false)); err != nil {
				t.Fatal(err)
			}
			err := trainIn(t, dir, Options{})(make(t, false))
			if finished := (*FinishedError)(nil); !errors.As(err, &finished) {
				t.Errorf("the same data: %v", err)
			}
			err = trainIn(t, dir, Options{})(make(t, true))
			if is := (*OtherSettingsError)(nil); !errors.As(err, &is) {
				t.Errorf("other data: %v", err)
			}
			r, err := Open(dir, On(cpu.New(cpu.Threads(1))))
			if err != nil {
				t.Fatal(err)
			}
			_, err = r.Evaluate(context.Background(), EvalConfig{})
			if is := (*DataError)(nil); !errors.As(err, &is) || !strings.Contains(err.Error(), "data in memory") {
				t.Errorf("measured: %v", err)
			}
		})
	}
}

// Two tables without a sum are two tables.
func TestValidationInMemory(t *testing.T) {
	valid := &datasets.Table{Rows: evens.Rows[:2]}
	task, err := NewClassifier(few(Defaults(TaskClassify), 1), &datasets.Table{Rows: evens.Rows[2:]}, valid,
		On(cpu.New(cpu.Threads(1))))
	if err != nil {
		t.Fatal(err)
	}
	defer task.Close()
	said := strings.Join(task.Describe(0), "\n")
	if strings.Contains(said, sameWords) || !strings.Contains(said, "training on data in memory: ") {
		t.Errorf("it says\n%s", said)
	}
}

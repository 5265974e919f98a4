package serve

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/trainer/run"
)

// What the tests serve: a small run of each kind, trained for a few steps when it is first asked for.

var device = run.On(cpu.New(cpu.Threads(1)))

var folder string // of all runs

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "serve"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(folder)
	os.Exit(code)
}

var kinds = map[string]func(t *testing.T, c run.Config) (run.Task, error){
	"text": func(t *testing.T, c run.Config) (run.Task, error) {
		text, err := datasets.NewText("text", lines(func(i int) string { return fmt.Sprintf("line %d of a text", i*i) }))
		if err != nil {
			t.Fatal(err)
		}
		c.Training.Batch, c.Training.Seq = 2, 8
		return run.NewLM(c, text, nil, device)
	},
	"squares": func(t *testing.T, c run.Config) (run.Task, error) {
		path := filepath.Join(t.TempDir(), "squares.tsv")
		text := lines(func(i int) string { return fmt.Sprintf("%d\t%s", i*i, []string{"even", "odd"}[i%2]) })
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		table, err := datasets.ReadTable(path, datasets.Format{})
		if err != nil {
			t.Fatal(err)
		}
		return run.NewClassifier(c, table, nil, device)
	},
	"places": func(t *testing.T, c run.Config) (run.Task, error) {
		sentences, _, err := tasks.Tagged("places", tasks.Config{Seed: 1, Train: 60, Valid: 1})
		if err != nil {
			t.Fatal(err)
		}
		return run.NewTagger(c, sentences, nil, device)
	},
	"dates": func(t *testing.T, c run.Config) (run.Task, error) {
		pairs, valid, err := tasks.Pairs("dates", tasks.Config{Seed: 1, Train: 80, Valid: 10})
		if err != nil {
			t.Fatal(err)
		}
		c.Model.Attention = "general"
		return run.NewSeq2Seq(c, pairs, valid, device)
	},
	"deaf": func(t *testing.T, c run.Config) (run.Task, error) { // has no attention
		pairs, valid, err := tasks.Pairs("dates", tasks.Config{Seed: 1, Train: 80, Valid: 10})
		if err != nil {
			t.Fatal(err)
		}
		c.Model.Attention = run.NoAttention
		return run.NewSeq2Seq(c, pairs, valid, device)
	},
	"waves": func(t *testing.T, c run.Config) (run.Task, error) {
		return run.NewSeriesClassifier(c, waves(), nil, device)
	},
	"slopes": func(t *testing.T, c run.Config) (run.Task, error) {
		cases := waves()
		cases.Regression = true
		return run.NewRegressor(c, cases, nil, device)
	},
	"load": func(t *testing.T, c run.Config) (run.Task, error) {
		set := &series.Set{Name: "loads", Targets: []string{"load"}}
		for machine := range 3 {
			s := series.Series{ID: fmt.Sprint("machine ", machine), Values: [][]float64{nil}}
			for hour := range 120 {
				s.Values[0] = append(s.Values[0], float64(20+machine)+math.Sin(float64(hour)/4))
			}
			set.Series = append(set.Series, s)
		}
		f := *c.Model.Forecast
		f.Horizon, f.Quantiles = 6, []float64{0.1, 0.5, 0.9}
		c.Model.Forecast = &f
		return run.NewForecaster(c, set, device)
	},
}

var taskOf = map[string]string{
	"text": run.TaskLM, "squares": run.TaskClassify, "places": run.TaskTag, "dates": run.TaskSeq2Seq, "deaf": run.TaskSeq2Seq,
	"waves": run.TaskClassify, "slopes": run.TaskRegress, "load": run.TaskForecast,
}

func lines(line func(i int) string) (text string) {
	for i := range 60 {
		text += line(i) + "\n"
	}
	return text
}

// waves are series of two channels.
func waves() *series.Cases {
	all := &series.Cases{Name: "waves", Channels: 2}
	for i := range 40 {
		x := series.Case{Values: make([][]float64, 2), Label: []string{"up", "down"}[i%2],
			Number: float64(i%2) + float64(i)/100}
		for t := range 6 + i%3 {
			x.Values[0] = append(x.Values[0], float64(t*(1-2*(i%2))))
			x.Values[1] = append(x.Values[1], math.Sin(float64(t+i)))
		}
		all.Cases = append(all.Cases, x)
	}
	return all
}

// train trains a run of a kind, in a folder, up to a step.
func train(t *testing.T, kind, dir string, steps int) {
	t.Helper()
	c := run.Defaults(taskOf[kind])
	c.Model.Hidden, c.Training.Epochs, c.Training.Minutes, c.Training.Steps, c.Training.Warmup = 8, 0, 0, steps, 0
	c.Training.ValidEvery, c.Training.LR = 2, 0.01
	if c.Model.Embed > 0 {
		c.Model.Embed = 4
	}
	task, err := kinds[kind](t, c)
	if err != nil {
		t.Fatal(err)
	}
	defer task.Close()
	if _, err := run.Train(context.Background(), dir, task, run.Options{}); err != nil {
		t.Fatal(err)
	}
}

var trainedRuns = map[string]func(t *testing.T) string{}

func init() {
	for kind := range kinds {
		var once sync.Once
		trainedRuns[kind] = func(t *testing.T) string {
			dir := filepath.Join(folder, kind)
			once.Do(func() { train(t, kind, dir, 4) })
			return dir
		}
	}
}

// trained is the folder of a run of a kind, which tests share and must not change.
func trained(t *testing.T, kind string) string {
	t.Helper()
	return trainedRuns[kind](t)
}

package doors

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/trainer/run"
)

var (
	ctx     = context.Background()
	oneCore = []run.Option{run.On(cpu.New(cpu.Threads(1)))}
)

// settings are those of a model of a task that is as small as can be, and learns for two steps.
func settings(task string) run.Config {
	c := run.Defaults(task)
	c.Model.Hidden, c.Model.Embed, c.Training.Batch = 3, 2, 2
	c.Training.Epochs, c.Training.Steps, c.Training.Warmup, c.Training.Schedule = 0, 2, 0, "constant"
	if task == run.TaskLM {
		c.Training.Seq = 4
	}
	if f := c.Model.Forecast; f != nil {
		own := *f
		own.Horizon, own.Season, own.Quantiles = 2, 3, nil
		c.Model.Forecast = &own
	}
	return c
}

func aText(t testing.TB) *datasets.Text {
	text, err := datasets.NewText("text", "a line of a text\nand another one\nand the last of them\n")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func aTable() *datasets.Table {
	return &datasets.Table{Name: "table", Rows: []datasets.Row{
		{Text: "1", Label: "odd"}, {Text: "2", Label: "even"}, {Text: "3", Label: "odd"}, {Text: "4", Label: "even"},
		{Text: "5", Label: "odd"}, {Text: "6", Label: "even"}, {Text: "7", Label: "odd"}, {Text: "8", Label: "even"},
	}}
}

func fewPairs() *datasets.Pairs {
	return datasets.NewPairs("pairs", []datasets.Pair{{Source: "a b", Target: "b"}, {Source: "b", Target: "a"}})
}

func someTagged(t testing.TB) *datasets.Tagged {
	tagged, err := datasets.NewTagged("sentences", taggedWords)
	if err != nil {
		t.Fatal(err)
	}
	return tagged
}

func aSet() *series.Set {
	values := [][]float64{{1, 2, 3, 1, 2, 4, 1, 2, 3, 1, 2, 5, 1, 2}}
	return &series.Set{Name: "set", Targets: []string{"y"}, Series: []series.Series{{ID: "a", Line: 1, Values: values}}}
}

// cases are series with a label each, which is a number, too.
func cases() *series.Cases {
	c := &series.Cases{Name: "cases", Channels: 1}
	for i := range 8 {
		c.Cases = append(c.Cases, series.Case{
			Values: [][]float64{{float64(i), float64(-i), 1}}, Label: string(rune('a' + i%2)), Number: float64(i),
		})
	}
	return c
}

// numbersOf are such cases to predict.
func numbersOf() *series.Cases { c := cases(); c.Regression = true; return c }

// task is a fresh task of a name: that of Config.Task or, of a classifier of series, "series".
func task(t testing.TB, name string) run.Task {
	t.Helper()
	made, err := map[string]func() (run.Task, error){
		run.TaskLM:       func() (run.Task, error) { return run.NewLM(settings(name), aText(t), aText(t), oneCore...) },
		run.TaskClassify: func() (run.Task, error) { return run.NewClassifier(settings(name), aTable(), nil, oneCore...) },
		run.TaskSeq2Seq:  func() (run.Task, error) { return run.NewSeq2Seq(settings(name), fewPairs(), fewPairs(), oneCore...) },
		run.TaskTag: func() (run.Task, error) {
			c := settings(name)
			c.Model.Bidirectional = false
			return run.NewTagger(c, someTagged(t), someTagged(t), oneCore...)
		},
		run.TaskForecast: func() (run.Task, error) { return run.NewForecaster(settings(name), aSet(), oneCore...) },
		run.TaskRegress:  func() (run.Task, error) { return run.NewRegressor(settings(name), numbersOf(), nil, oneCore...) },
		"series": func() (run.Task, error) {
			return run.NewSeriesClassifier(settings(run.TaskClassify), cases(), nil, oneCore...)
		},
	}[name]()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { made.Close() })
	return made
}

// trained are the folders of runs, by name; what is in them is removed at the end.
var trained struct {
	sync.Mutex
	dirs map[string]string
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, dir := range trained.dirs {
		os.RemoveAll(filepath.Dir(dir))
	}
	os.Exit(code)
}

// openedRun opens a copy of a run of a task, which is trained once.
func openedRun(t testing.TB, name string) *run.Run {
	t.Helper()
	trained.Lock()
	defer trained.Unlock()
	dir := filepath.Join(t.TempDir(), "run")
	if trained.dirs[name] == "" {
		kept, err := os.MkdirTemp("", "doors")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := run.Train(ctx, filepath.Join(kept, "run"), task(t, name), run.Options{}); err != nil {
			t.Fatal(err)
		}
		if trained.dirs == nil {
			trained.dirs = map[string]string{}
		}
		trained.dirs[name] = filepath.Join(kept, "run")
	}
	if err := os.CopyFS(dir, os.DirFS(trained.dirs[name])); err != nil {
		t.Fatal(err)
	}
	r, err := run.Open(dir, oneCore...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// used is the model of a run of a task, ready to be used.
func used[M interface{ Close() error }](t *testing.T, name string, make func(*run.Run) (M, error)) M {
	t.Helper()
	m, err := make(openedRun(t, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// ofRun is a call of a method of a run.
func ofRun(name string, f func(*run.Run) any, args ...any) func(*testing.T) call {
	return func(t *testing.T) call { return call{f(openedRun(t, name)), args} }
}

// aFolder is an empty folder.
func aFolder(t *testing.T) *run.Folder {
	f, err := run.OpenFolder(filepath.Join(t.TempDir(), "run"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// full is a folder with a run of a language model.
func full(t *testing.T) *run.Folder {
	f, err := run.OpenFolder(openedRun(t, run.TaskLM).Dir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func ownTask(t *testing.T) *run.Own {
	m := newLearner(t)
	return &run.Own{
		Learner: m, Settings: settings(run.TaskOwn), Steps: 1,
		Train: func(step int, rate float64) (float64, float64, error) {
			return m.Train(2, step, rate, []any{[]float32{1, 2}})
		},
		Measure: func(context.Context) (float64, error) { return 1, nil },
	}
}

func stream(t *testing.T) *run.TagStream {
	s, err := used(t, run.TaskTag, (*run.Run).Tagger).Stream()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

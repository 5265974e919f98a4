package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/graph/cpu"
)

// waves are series of 2 channels and 5 to 9 steps: rising ones with the label up, others with down; their
// number is where they end.
func waves(t *testing.T, n int, missing bool) *series.Cases {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 4))
	c := &series.Cases{Name: filepath.Join(t.TempDir(), "waves.ts"), SHA256: "waves", Channels: 2,
		Classes: []string{"up", "down"}}
	for i := range n {
		slope := 1 - 2*float64(i%2)
		values := [][]float64{nil, nil}
		for s := range 5 + i%5 {
			values[0] = append(values[0], 100+slope*10*float64(s)+random.NormFloat64())
			values[1] = append(values[1], random.NormFloat64())
		}
		if missing && i%3 == 0 {
			values[0][2] = math.NaN()
		}
		c.Cases = append(c.Cases, series.Case{Values: values, Label: c.Classes[i%2], Number: values[0][len(values[0])-1]})
	}
	return c
}

// smallSeries are settings of a small model of series.
func smallSeries(task string) Config {
	c := Defaults(task)
	c.Model.Hidden, c.Model.Series = 8, &SeriesModel{}
	c.Training.Batch, c.Training.LR, c.Training.Epochs = 8, 0.02, 12
	return c
}

// openedAfter trains a task, and opens its run.
func openedAfter(t *testing.T, work Task, err error) *Run {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer work.Close()
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := Train(context.Background(), dir, work, Options{}); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir, On(cpu.New(cpu.Threads(1))))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var device1 = On(cpu.New(cpu.Threads(1)))

// A classifier of series learns them, whatever is missing, and what it says does not depend on the labels, nor
// on the series beside one.
func TestSeriesClassifier(t *testing.T) {
	for _, missing := range []bool{false, true} {
		c := smallSeries(TaskClassify)
		c.Model.Series.Noise, c.Model.Series.Inputs.Differences = 0.1, true
		train := waves(t, 60, missing)
		work, err := NewSeriesClassifier(c, train, nil, device1)
		if err == nil {
			notes := strings.Join(work.Describe(1), "\n")
			if said := strings.Contains(notes,
				"20 values are missing: the value before stands for each, and a number more"); said != missing {
				t.Errorf("missing %t: %s", missing, notes)
			}
		}
		r := openedAfter(t, work, err)
		want := map[bool]string{true: series.MissingMask, false: series.MissingCarry}[missing]
		if in := r.Config().Model.Series.Inputs; in.Missing != want || in.Channels != 2 ||
			r.Config().Model.Input != in.Size() || c.Model.Series.Inputs.Channels != 0 {
			t.Errorf("missing %t: %+v", missing, in)
		}
		m, err := r.Classifier()
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		cases := waves(t, 30, missing)
		for i := range cases.Cases {
			cases.Cases[i].Label = "?"
		}
		all, err := m.ClassifyCases(context.Background(), cases)
		if err != nil {
			t.Fatal(err)
		}
		for i, labels := range all {
			if labels[0].Name != []string{"up", "down"}[i%2] || labels[0].Probability < 0.9 {
				t.Errorf("series %d: %v", i, labels)
			}
		}
		one := *cases
		one.Cases = cases.Cases[7:8]
		alone, err := m.ClassifyCases(context.Background(), &one)
		if err != nil || math.Abs(alone[0][0].Probability-all[7][0].Probability) > 1e-6 {
			t.Errorf("alone %v, beside others %v, %v", alone, all[7], err)
		}
		if _, err := m.Classify(context.Background(), []string{"a"}); err == nil {
			t.Error("a text was classified")
		}
	}
}

// A regressor learns numbers, whose scale is not that of its inputs, and is measured beside always saying the mean.
func TestRegressor(t *testing.T) {
	c := smallSeries(TaskRegress)
	c.Model.Number, c.Training.Epochs = &NumberModel{Loss: "huber"}, 40
	train := waves(t, 60, false)
	train.Classes, train.Regression = nil, true
	work, err := NewRegressor(c, train, nil, device1)
	r := openedAfter(t, work, err)
	n := r.Config().Model.Number
	if n.Mean < 50 || n.Mean > 150 || n.Deviation < 10 || c.Model.Number.Mean != 0 {
		t.Errorf("%+v", n)
	}
	m, err := r.Regressor()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	cases := waves(t, 20, false)
	got, err := m.Predict(context.Background(), cases)
	if err != nil {
		t.Fatal(err)
	}
	for i, y := range got {
		if math.Abs(y-cases.Cases[i].Number) > 15 {
			t.Errorf("series %d: %g, want %g", i, y, cases.Cases[i].Number)
		}
	}
}

// A run is measured on a file: by its right numbers and by its labels, which other runs refuse.
func TestSeriesFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, header string, line func(i int) string) string {
		path := filepath.Join(dir, name)
		text := header + "@data\n"
		for i := range 40 {
			text += line(i) + "\n"
		}
		writeFile(t, path, text)
		return path
	}
	labels := write("labels.ts", "@problemName x\n@classLabel true up down\n", func(i int) string {
		return fmt.Sprintf("%d,%d,%d:%s", i, i+1-i%2*2, i+2-i%2*4, []string{"up", "down"}[i%2])
	})
	numbers := write("numbers.ts", "@problemName x\n@targetLabel true\n",
		func(i int) string { return fmt.Sprintf("%d,%d,%d:%d", i, i, i, i) })
	two := write("two.ts", "@problemName x\n@classLabel true up down\n", func(i int) string { return "1,2:3,4:up" })
	plain := write("plain.ts", "@problemName x\n@classLabel false\n", func(i int) string { return "1,2" })
	source := func(path string) *Source { return &Source{Kind: KindSeries, Paths: []string{path}} }
	load := func(task, path string) (Task, error) {
		c := smallSeries(task)
		c.Data.Train, c.Training.Epochs = source(path), 2
		return Load(c, device1)
	}
	task, err := load(TaskClassify, labels)
	classifier := openedAfter(t, task, err)
	v, err := classifier.Evaluate(context.Background(), EvalConfig{Data: source(labels), Whole: true})
	if err != nil || v.Examples != 40 || v.Accuracy == nil || !slices.Contains(v.Notes, learnedWords) {
		t.Errorf("%+v, %v", v, err)
	}
	task, err = load(TaskRegress, numbers)
	regressor := openedAfter(t, task, err)
	v, err = regressor.Evaluate(context.Background(), EvalConfig{})
	if err != nil || v.Examples != 4 || v.RMSE == nil || v.NumberMeasures == nil || v.Split != SplitValidation {
		t.Errorf("%+v, %v", v, err)
	}
	v, err = regressor.Evaluate(context.Background(), EvalConfig{Data: source(numbers), Whole: true})
	if err != nil || math.Abs(float64(v.BaselineMAE)-10) > 1 {
		t.Errorf("%+v, %v", v, err)
	}
	for name, err := range map[string]error{
		"FILE: its labels are numbers to predict, not classes: use a regressor, as train regress makes it": second(load(TaskClassify, numbers)),
		"FILE: its series have no labels: name a file that has them":                                       second(load(TaskClassify, plain)),
		"FILE: its series have no numbers to predict: name a file that has them":                           second(load(TaskRegress, plain)),
		"FILE holds series of 2 channels, and the model reads those of 1 channel: use other data": second(
			classifier.Evaluate(context.Background(), EvalConfig{Data: source(two), Whole: true})),
	} {
		if err == nil || strings.NewReplacer(numbers, "FILE", plain, "FILE", two, "FILE").Replace(err.Error()) != name {
			t.Errorf("%v\nwant %s", err, name)
		}
	}
	var wrong *TaskError
	if _, err := regressor.Classifier(); !errors.As(err, &wrong) {
		t.Errorf("%v", err)
	}
	if _, err := classifier.Regressor(); !errors.As(err, &wrong) {
		t.Errorf("%v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// A run that begins with another reads as that one does, and says what it cannot have.
func TestSeriesFrom(t *testing.T) {
	train := waves(t, 40, false)
	work, err := NewSeriesClassifier(smallSeries(TaskClassify), train, nil, device1)
	r := openedAfter(t, work, err)
	c := smallSeries(TaskClassify)
	c.Model.Hidden, c.Model.Series.Noise, c.Training.Epochs = Defaults(TaskClassify).Model.Hidden, 0.5, 1
	tuned, err := NewSeriesClassifier(c, waves(t, 20, false), nil, device1, From(r))
	if err != nil {
		t.Fatal(err)
	}
	defer tuned.Close()
	if got, want := tuned.Config().Model.Series, r.Config().Model.Series; got.Inputs.Means[0] != want.Inputs.Means[0] ||
		got.Noise != 0.5 || want.Noise != 0 {
		t.Errorf("%+v, the run has %+v", got, want)
	}
	c.Model.Series.Inputs.Patch = 3
	_, err = NewSeriesClassifier(c, waves(t, 20, false), nil, device1, From(r))
	if want := "`patch` is 3, and the model of " + r.Dir() +
		" has 1: leave it out, for the model comes from there"; err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// What a config.yaml says of inputs is not believed.
func TestSeriesModelOfAFile(t *testing.T) {
	for name, change := range map[string]func(*Model){
		"no deviation":    func(m *Model) { m.Series.Inputs.Deviations[0] = 0 },
		"no means":        func(m *Model) { m.Series.Inputs.Means = nil },
		"another size":    func(m *Model) { m.Input = 7 },
		"a huge patch":    func(m *Model) { m.Series.Inputs.Patch = 1 << 30 },
		"infinite noise":  func(m *Model) { m.Series.Noise = math.Inf(1) },
		"no number":       func(m *Model) { m.Number = nil },
		"no inputs":       func(m *Model) { m.Series = nil },
		"another loss":    func(m *Model) { m.Number.Loss = "cubed" },
		"an infinite one": func(m *Model) { m.Number.Deviation = math.Inf(1) },
	} {
		c := smallSeries(TaskRegress)
		c.Data.Train = &Source{Kind: KindSeries, Paths: []string{"/x.ts"}}
		c.Model.Input, c.Model.Number = 2, &NumberModel{Loss: "squared", Deviation: 1}
		c.Model.Series.Inputs = series.Features{Channels: 2, Means: []float64{0, 0}, Deviations: []float64{1, 1},
			Missing: series.MissingCarry}
		path := filepath.Join(t.TempDir(), ConfigName)
		writeFile(t, path, string(c.Encode()))
		if _, err := ReadConfig(path); err != nil {
			t.Fatal(err)
		}
		change(&c.Model)
		writeFile(t, path, string(c.Encode()))
		if _, err := ReadConfig(path); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// The adding problem is made, and can be trained on.
func TestAddingProblem(t *testing.T) {
	c := smallSeries(TaskRegress)
	c.Data.Train, c.Training.Epochs, c.Training.Steps = &Source{Kind: KindTask, Paths: []string{"adding-3"}}, 0, 200
	work, err := Load(c, device1)
	r := openedAfter(t, work, err)
	v, err := r.Evaluate(context.Background(), EvalConfig{})
	if err != nil || v.Examples != 500 || *v.RMSE > 0.2 || math.Abs(float64(v.BaselineRMSE)-math.Sqrt(1./6)) > 0.02 {
		t.Errorf("%+v, %v", v, err)
	}
	c.Data.Train.Paths = []string{"adding-1"}
	if _, err := Load(c, device1); err == nil {
		t.Error("a sum of one number")
	}
}

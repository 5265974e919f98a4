package run

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/models/decode"
)

// seeded trains a small model of a task from a seed, and gives the folder of its run.
func seeded(t *testing.T, task string, seed uint64, change func(c *Config)) string {
	t.Helper()
	if change == nil {
		return once(t, fmt.Sprint(task, seed), func(dir string) { trainSeeded(t, dir, task, seed, func(*Config) {}) })
	}
	dir := filepath.Join(t.TempDir(), task)
	trainSeeded(t, dir, task, seed, change)
	return dir
}

func trainSeeded(t *testing.T, dir, task string, seed uint64, change func(c *Config)) {
	t.Helper()
	c := Defaults(task)
	c.Model.Hidden, c.Model.Embed, c.Training.Epochs, c.Training.Steps, c.Training.Seed = 8, 4, 0, 6, seed
	c.Training.ValidEvery = 2
	if task == TaskForecast {
		c = smallForecaster(2)
		c.Training.Seed, c.Model.Forecast.Quantiles = seed, []float64{0.1, 0.5, 0.9}
	}
	change(&c)
	device := On(cpu.New(cpu.Threads(1)))
	var work Task
	var err error
	switch task {
	case TaskClassify:
		work, err = NewClassifier(c, table(t), nil, device)
	case TaskSeq2Seq:
		pairs, valid, e := tasks.Pairs("dates", tasks.Config{Seed: 1, Train: 80, Valid: 10})
		if e != nil {
			t.Fatal(e)
		}
		work, err = NewSeq2Seq(c, pairs, valid, device)
	case TaskForecast:
		work, err = NewForecaster(c, seasons(40, 25, 60, 33))
	}
	if err != nil {
		t.Fatal(err)
	}
	defer work.Close()
	if _, err := Train(context.Background(), dir, work, Options{Keep: 3}); err != nil {
		t.Fatal(err)
	}
}

// joined opens runs that answer together.
func joined(t *testing.T, o Option, dirs ...string) *Run {
	t.Helper()
	r, err := OpenEnsemble(dirs, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// labelsOf classifies texts, and gives the probabilities by label.
func labelsOf(t *testing.T, r *Run, texts []string) (all []map[string]float64) {
	t.Helper()
	m, err := r.Classifier()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	labels, err := m.Classify(context.Background(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range labels {
		p := map[string]float64{}
		for _, l := range of {
			p[l.Name] = l.Probability
		}
		all = append(all, p)
	}
	return all
}

// What classifiers say together is the mean of what each says, and one beside itself says what it says alone.
func TestClassifiersTogether(t *testing.T) {
	a, b := seeded(t, TaskClassify, 1, nil), seeded(t, TaskClassify, 2, func(c *Config) { c.Model.Cell = "lstm" })
	fast, slow := On(cpu.New(cpu.Threads(1))), On(ref.New())
	texts := []string{"a first text", "another", "b"}
	ofA, ofB := labelsOf(t, joined(t, slow, a), texts), labelsOf(t, joined(t, slow, b), texts)
	both := labelsOf(t, joined(t, fast, a, b), texts)
	for i := range texts {
		for name, p := range both[i] {
			if want := (ofA[i][name] + ofB[i][name]) / 2; math.Abs(p-want) > 1e-6 || ofA[i][name] == ofB[i][name] {
				t.Errorf("%q is %s with %g, want %g of %g and %g", texts[i], name, p, want, ofA[i][name], ofB[i][name])
			}
		}
	}
	if twice, once := labelsOf(t, joined(t, fast, a, a), texts), labelsOf(t, joined(t, fast, a), texts); !reflect.DeepEqual(
		twice, once) {
		t.Errorf("twice: %v, once: %v", twice, once)
	}
}

// firstTokens are ln p of all first tokens of a translation.
func firstTokens(t *testing.T, r *Run, text string) map[int32]float64 {
	t.Helper()
	m, err := r.Translator()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	n := r.Target().Len()
	found, err := m.Translate(context.Background(), 0, []string{text},
		TranslateOptions{Beam: decode.Beam{Width: n, Best: n, MaxLength: 1}})
	if err != nil {
		t.Fatal(err)
	}
	p := map[int32]float64{}
	for _, h := range found[0] {
		p[h.Tokens[0]] = h.LogProb
	}
	return p
}

func TestTranslatorsTogether(t *testing.T) {
	a := seeded(t, TaskSeq2Seq, 1, nil)
	b := seeded(t, TaskSeq2Seq, 2, func(c *Config) { c.Model.Hidden, c.Model.Attention = 12, "dot" })
	fast, slow := On(cpu.New(cpu.Threads(1))), On(ref.New())
	const text = "3 May 1979"
	ofA, ofB := firstTokens(t, joined(t, slow, a), text), firstTokens(t, joined(t, slow, b), text)
	both := firstTokens(t, joined(t, fast, a, b), text)
	if len(both) < 10 {
		t.Errorf("%d tokens", len(both))
	}
	for token, ln := range both {
		want := math.Log((math.Exp(ofA[token]) + math.Exp(ofB[token])) / 2)
		if math.Abs(ln-want) > 1e-5 || math.Abs(ofA[token]-ofB[token]) < 1e-6 {
			t.Errorf("token %d has %g, want %g of %g and %g", token, ln, want, ofA[token], ofB[token])
		}
	}
	// Sources of several lengths, of which some are done earlier than others; with weights of the attention.
	sources := []string{"3 May 1979", "15.5.39", "the seventeenth of september 1962", "May 1", "x"}
	translate := func(r *Run) [][]Translation {
		m, err := r.Translator()
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		found, err := m.Translate(context.Background(), 0, sources,
			TranslateOptions{Beam: decode.Beam{Width: 3, Best: 2, Length: 0.6}, Weights: true})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if d := cmp.Diff(translate(joined(t, fast, a)), translate(joined(t, fast, a, a))); d != "" {
		t.Errorf("a run beside itself: %s", d)
	}
	translate(joined(t, fast, a, b))
	if r := joined(t, fast, a, b); !r.Attends() {
		t.Error("both have an attention")
	}
}

func TestForecastersTogether(t *testing.T) {
	a := seeded(t, TaskForecast, 1, nil)
	b := seeded(t, TaskForecast, 2, func(c *Config) { c.Model.Hidden = 8; c.Model.Forecast.Window = 9 })
	fast, slow := On(cpu.New(cpu.Threads(1))), On(ref.New())
	set := seasons(40, 25, 60, 33)
	forecast := func(r *Run) (numbers []float64) {
		m, err := r.Forecaster()
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if err := m.CheckQuantile(0.9); err != nil {
			t.Fatal(err)
		}
		all, err := m.Forecast(context.Background(), set)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range all {
			for h, y := range f.Points {
				numbers = append(numbers, y, f.Quantile(h, 0.9))
			}
		}
		return numbers
	}
	ofA, ofB := forecast(joined(t, slow, a)), forecast(joined(t, slow, b))
	want := make([]float64, len(ofA))
	for i := range want {
		want[i] = (ofA[i] + ofB[i]) / 2
	}
	if d := cmp.Diff(want, forecast(joined(t, fast, a, b)), cmpopts.EquateApprox(1e-4, 1e-5)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(forecast(joined(t, fast, a)), forecast(joined(t, fast, a, a))); d != "" {
		t.Errorf("a run beside itself: %s", d)
	}
}

// Runs that do not read or say the same are refused in a line that says why.
func TestUnlikeRuns(t *testing.T) {
	classify, translate := seeded(t, TaskClassify, 1, nil), seeded(t, TaskSeq2Seq, 1, nil)
	words := seeded(t, TaskClassify, 1, func(c *Config) { c.Model.Tokens = "word" })
	forecast := seeded(t, TaskForecast, 1, nil)
	changed := func(dir, was, now string) string { // a copy, which can be opened, but not used
		other := filepath.Join(t.TempDir(), "other")
		if err := os.CopyFS(other, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(other, ConfigName)
		config, err := os.ReadFile(path)
		if err == nil && bytes.Count(config, []byte(was)) != 1 {
			t.Fatalf("no %q in %s", was, config)
		}
		if err == nil {
			err = os.WriteFile(path, bytes.Replace(config, []byte(was), []byte(now), 1), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
		return other
	}
	other, normal := changed(forecast, "horizon: 4", "horizon: 3"), changed(classify, "  tokens: char\n", "  tokens: char\n  normalize: nfkc\n")
	lm := trained(t, TaskLM).Dir()
	for _, c := range []struct {
		dirs []string
		want string
	}{
		{nil, "there is no run: name one at least"},
		{[]string{classify, translate}, translate + " holds a sequence-to-sequence model"},
		{[]string{classify, words}, "cannot answer together: their texts are cut into other tokens"},
		{[]string{classify, normal}, "cannot answer together: their texts are cut into other tokens"},
		{[]string{forecast, other}, "cannot answer together: one forecasts 4 values, the other 3"},
		{[]string{lm, lm}, lm + " holds a language model"},
		{[]string{classify, classify + "-none"}, "does not exist"},
	} {
		_, err := OpenEnsemble(c.dirs, On(ref.New()))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v, want %s", c.dirs, err, c.want)
		}
	}
	r := joined(t, On(ref.New()), classify, classify)
	if _, err := r.ONNXParts(); err == nil || !strings.Contains(err.Error(), "cannot be exported together") {
		t.Errorf("exported: %v", err)
	}
}

// Forecasters that do not read the same columns, or not at the same times, are told apart.
func TestUnlikeColumns(t *testing.T) {
	columns := func() *seriesColumns {
		return &seriesColumns{Targets: []string{"load"}, Known: []covariate{{Name: "price"}}, Step: series.Step{Seconds: 3600}}
	}
	if why := columns().unlike(columns()); why != "" {
		t.Errorf("the same columns: %s", why)
	}
	for want, change := range map[string]func(c *seriesColumns){
		"one forecasts load, the other wind":                  func(c *seriesColumns) { c.Targets = []string{"wind"} },
		"one reads the covariates price, the other none":      func(c *seriesColumns) { c.Known = nil },
		"one reads the categories none, the other shop":       func(c *seriesColumns) { c.Static = []category{{Name: "shop"}} },
		"one has a value every hour, the other every 2 hours": func(c *seriesColumns) { c.Step = series.Step{Seconds: 7200} },
		"one has a value every hour, the other every step":    func(c *seriesColumns) { c.Step = series.Step{} },
	} {
		other := columns()
		change(other)
		if got := columns().unlike(other); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

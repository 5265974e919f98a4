package run

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pkg/errors"
)

// Each task of the table can be found, trained with its defaults, and judged by measures that there are.
func TestTasks(t *testing.T) {
	var measures []string
	for _, m := range (&Measures{}).named() {
		measures = append(measures, m.name)
	}
	for _, k := range taskKinds {
		if kindOf(k.name()) != k || TaskName(k.name()) == "" {
			t.Errorf("the task %q is %v, %q", k.name(), kindOf(k.name()), TaskName(k.name()))
		}
		c := Defaults(k.name())
		if err := c.Check(); err != nil {
			t.Errorf("%s: %v", k.name(), err)
		}
		for _, s := range k.scores() {
			if !slices.Contains(measures, s) {
				t.Errorf("%s: no measure is called %q", k.name(), s)
			}
		}
	}
}

// A score is the smaller the better: those of measures of which more is better are negative.
func TestScores(t *testing.T) {
	m := Metrics{Loss: 2, Measures: Measures{
		Perplexity: some(8), BitsPerToken: some(3), CharErrorRate: some(0.5), Accuracy: some(0.25), BLEU: some(30),
		MacroF1: some(0.75),
	}}
	for name, want := range map[string]float64{
		LossScore: 2, "perplexity": 8, "bits_per_token": 3, "char_error_rate": 0.5, "accuracy": -0.25, "bleu": -30,
		"macro_f1": -0.75,
	} {
		if got := m.score(name); got != want {
			t.Errorf("the score %s is %g, want %g", name, got, want)
		}
	}
}

// What is no task, or one of another program, is said to be so.
func TestOtherTasks(t *testing.T) {
	c := Defaults("poem")
	if err := c.Check(); err == nil ||
		err.Error() != "`task` is \"poem\": it must be one of "+strings.Join(taskNames(), ", ") {
		t.Errorf("another task: %v", err)
	}
	if c.Weights() != 0 || TaskName("poem") != "" {
		t.Errorf("another task has %g weights, and is %q", c.Weights(), TaskName("poem"))
	}
	var wrong *SettingsError
	if _, err := Load(Defaults(TaskOwn)); !errors.As(err, &wrong) {
		t.Errorf("a task of a program's own from its configuration: %v", err)
	}
	dir := t.TempDir()
	own := Defaults(TaskOwn)
	if err := os.WriteFile(filepath.Join(dir, ConfigName), own.Encode(), 0o666); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var task *TaskError
	if _, err := r.Evaluate(context.Background(), EvalConfig{}); !errors.As(err, &task) ||
		slices.Contains(task.Want, TaskOwn) {
		t.Errorf("measuring a task of a program's own: %v", err)
	}
}

// A program that gives no data gets an error.
func TestNoData(t *testing.T) {
	_, lm := NewLM(Defaults(TaskLM), nil, nil)
	_, classify := NewClassifier(Defaults(TaskClassify), nil, nil)
	_, seq2seq := NewSeq2Seq(Defaults(TaskSeq2Seq), nil, nil)
	_, tag := NewTagger(Defaults(TaskTag), nil, nil)
	for task, err := range map[string]error{TaskLM: lm, TaskClassify: classify, TaskSeq2Seq: seq2seq, TaskTag: tag} {
		var bad *DataError
		if !errors.As(err, &bad) {
			t.Errorf("%s: %v", task, err)
		}
	}
}

// A folder without a name is named in the error.
func TestOpenNothing(t *testing.T) {
	_, err := Open("")
	if input := (*InputError)(nil); !errors.As(err, &input) || err.Error() != `"" does not exist: check the path` {
		t.Errorf("%v", err)
	}
}

// A configuration without a part of its model is an error wherever its weights are counted.
func TestMissingParts(t *testing.T) {
	for part, change := range map[string]func(*Config){
		"`forecast`": func(c *Config) { c.Task, c.Model.Forecast = TaskForecast, nil },
		"`series`":   func(c *Config) { c.Task, c.Model.Series, c.Model.Number = TaskRegress, nil, &NumberModel{} },
		"`number`":   func(c *Config) { c.Task, c.Model.Series, c.Model.Number = TaskRegress, &SeriesModel{}, nil },
		"`tag`":      func(c *Config) { c.Task, c.Model.Tag = TaskTag, nil },
	} {
		c := Defaults(TaskLM)
		change(&c)
		if err := c.Check(); err == nil || !strings.HasPrefix(err.Error(), part+" is missing") {
			t.Errorf("%s: %v", part, err)
		}
		if n := c.Weights(); n != 0 {
			t.Errorf("without %s there are %g weights", part, n)
		}
	}
}

package run

import (
	"math"
	"reflect"
	"strings"
	"testing"
)

// every calls f with each number that config.yaml of a small run of a task can have.
func every(t *testing.T, c *Config, f func(name string, x reflect.Value)) {
	t.Helper()
	n := 0
	err := checkNumbers(reflect.ValueOf(c).Elem(), func(name string, x reflect.Value) error {
		n++
		f(name, x)
		return nil
	})
	if err != nil || n < 30 {
		t.Fatalf("%d numbers, %v", n, err)
	}
}

// No number of a configuration is believed: what is not finite, negative where that means nothing, or larger
// than any machine is refused, whatever the task.
func TestNumbersAreBounded(t *testing.T) {
	for _, task := range []string{TaskLM, TaskClassify, TaskSeq2Seq, TaskTag} {
		c := goodConfig(t, task)
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		every(t, c, func(name string, x reflect.Value) {
			before := reflect.ValueOf(x.Interface())
			defer x.Set(before)
			if x.CanInt() {
				for _, n := range []int64{math.MaxInt64, math.MinInt64, math.MaxInt32, -4e18} {
					x.SetInt(n)
					if err := c.Check(); err == nil {
						t.Errorf("%s: `%s` of %d is accepted", task, name, n)
					}
				}
				return
			}
			for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1e300} {
				x.SetFloat(f)
				if err := c.Check(); err == nil {
					t.Errorf("%s: `%s` of %g is accepted", task, name, f)
				}
			}
		})
	}
}

// A width that wraps around is not small.
func TestWidthDoesNotWrap(t *testing.T) {
	c := goodConfig(t, TaskLM)
	for _, input := range []int{-4e18, math.MaxInt64, -1} {
		c.Model.Input = input
		if c.Check() == nil {
			t.Errorf("input %d is accepted", input)
		}
	}
}

func TestPositionsThatCannotBe(t *testing.T) {
	nan := math.NaN()
	for _, p := range []Position{
		{Step: 4}, {Step: 5, BestStep: 6}, {Step: 5, BestStep: -1}, {Step: 5, Worse: -1}, {Step: 5, Skipped: math.MaxInt}, {Step: -3},
		{Step: 5, Seconds: -1}, {Step: 5, Seconds: math.Inf(1)}, {Step: 5, BestLoss: &nan}, {Step: math.MinInt},
	} {
		if p.wrong(5) == "" {
			t.Errorf("%+v is accepted at step 5", p)
		}
	}
	if p := (Position{Step: math.MaxInt}); p.wrong(math.MaxInt) == "" {
		t.Error("step 2⁶³-1 is accepted")
	}
	if p := (Position{Step: 5, BestStep: 5, Worse: 2, Seconds: 1}); p.wrong(5) != "" {
		t.Errorf("%+v: %s", p, p.wrong(5))
	}
}

// goodConfig is the configuration of a small run of a task.
func goodConfig(t *testing.T, task string) *Config {
	t.Helper()
	text := strings.Replace(lmConfig, "task: lm", "task: "+task, 1)
	switch task {
	case TaskClassify:
		text = strings.NewReplacer("data:\n", "data:\n  train: {kind: table, paths: [a], sha256: b}\n", "  vocab: 51",
			"  vocab: 51\n  classes: 3\n  pooling: last",
			"  seq: 64", "  longest: 100\n  buckets: 4").Replace(text)
	case TaskSeq2Seq:
		text = strings.NewReplacer("data:\n", "data:\n  train: {kind: pairs, paths: [a], sha256: b}\n", "  vocab: 51",
			"  vocab: 51\n  target_vocab: 40\n  attention: none",
			"  seq: 64",
			"  longest: 100\n  buckets: 4\n  teacher_forcing: 1\n  teacher_decay: none\n  valid_pairs: 9").Replace(text)
	case TaskTag:
		text = strings.NewReplacer("data:\n", "data:\n  train: {kind: conllu, paths: [a], sha256: b}\n",
			"  vocab: 51", "  vocab: 51\n  tokens: word\n  classes: 3\n"+
				"  tag: {chars: 9, char_embed: 3, char_hidden: 3, letters: 9, word_dropout: 0.5, forms: 60}",
			"  seq: 64", "  longest: 100\n  buckets: 4").Replace(text)
	}
	path := t.TempDir() + "/config.yaml"
	writeFile(t, path, text)
	c, err := ReadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

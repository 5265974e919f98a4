package run

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/device"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

// The most that one model may ask for, so that a slip of the finger does not take the machine down.
const (
	maxWeights     = 1e9 // numbers
	maxActivations = 4e9 // numbers of one training step
	maxTokens      = 1e9 // tokens of one training step, with all its parts
	MaxInteger     = 1_000_000_000
	maxLayers      = 4096
)

// checkNumbers calls check for every number of a configuration, or of a part of it, with its name.
func checkNumbers(v reflect.Value, check func(name string, x reflect.Value) error) error {
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		x := v.Field(i)
		if x.Kind() == reflect.Pointer && !x.IsNil() {
			x = x.Elem()
		}
		var err error
		switch {
		case name == "": // not in the file
		case x.Kind() == reflect.Struct:
			err = checkNumbers(x, check)
		case x.CanInt() || x.CanFloat():
			err = check(name, x)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkInteger says that an integer is larger than any that can be meant, so that sums of two cannot wrap around.
func checkInteger(name string, x reflect.Value) error {
	if x.CanInt() && x.Int() > MaxInteger {
		return settings("`%s` is %d: at most %s are supported", name, x.Int(), words.Thousands(MaxInteger))
	}
	if x.CanInt() && x.Int() < -MaxInteger {
		return settings("`%s` is %d: it must be larger", name, x.Int())
	}
	return nil
}

// checkFloat says that no computation can use a number.
func checkFloat(name string, x reflect.Value) error {
	if x.CanFloat() && !(math.Abs(x.Float()) <= math.MaxFloat32) {
		return settings("`%s` is %g: it must be a number that a float32 can be", name, x.Float())
	}
	return nil
}

// Check says what is wrong with a configuration. What the data say may still be missing.
func (c *Config) Check() error {
	if err := checkNumbers(reflect.ValueOf(c).Elem(), checkInteger); err != nil {
		return err
	}
	if err := c.check(); err != nil { // it knows most numbers, and has more to say
		return err
	}
	return checkNumbers(reflect.ValueOf(c).Elem(), checkFloat)
}

func (c *Config) check() error {
	if kindOf(c.Task) == nil {
		return settings("`task` is %q: it must be one of %s", c.Task, strings.Join(taskNames(), ", "))
	}
	if err := c.hasParts(); err != nil {
		return err
	}
	t := &c.Training
	for _, err := range []error{
		c.checkIntegers(), c.checkNames(), c.Running.Check(), c.checkSoftmax(), c.checkOptimizer(), c.checkTask(),
		c.checkVectors(), c.checkModel(),
	} {
		if err != nil {
			return err
		}
	}
	return c.checkSize(max(t.Seq, 1))
}

// hasParts says whether all parts are there that the models of the task have.
func (c *Config) hasParts() error {
	m, usual := &c.Model, Defaults(c.Task).Model
	return cmp.Or(
		hasPart("forecast", m.Forecast, usual.Forecast), hasPart("series", m.Series, usual.Series),
		hasPart("number", m.Number, usual.Number), hasPart("tag", m.Tag, usual.Tag),
	)
}

// hasPart says whether a part of a model is there, if a model of the task has one.
func hasPart[P any](name string, part, usual *P) error {
	if part != nil || usual == nil {
		return nil
	}
	return settings("`%s` is missing in `model`: begin with the defaults of the task", name)
}

// checkIntegers checks the least values of integers but for those that package models knows.
func (c *Config) checkIntegers() error {
	m, t, usual := &c.Model, &c.Training, Defaults(c.Task).Training
	least := func(usual int) int { return min(usual, 1) } // 0: the task has no use for it
	for _, f := range []struct {
		name       string
		value, min int
	}{
		{"vocab", m.Vocab, 0}, {"input", m.Input, 0}, {"classes", m.Classes, 0}, {"target_vocab", m.TargetVocab, 0},
		{"batch", t.Batch, least(usual.Batch)}, {"stride", t.Stride, 0},
		{"longest", t.Longest, least(usual.Longest)}, {"buckets", t.Buckets, least(usual.Buckets)}, {"valid_pairs", t.ValidPairs, least(usual.ValidPairs)},
		{"min_freq", m.MinFreq, 0}, {"max_vocab", m.MaxVocab, 0}, {"valid_every", t.ValidEvery, 0}, {"valid_epochs", t.ValidEpochs, 0},
		{"checkpoint_every", t.CheckpointEvery, 0}, {"accumulate", t.Accumulate, 1}, {"warmup", t.Warmup, 0},
		{"schedule_steps", t.ScheduleSteps, 0}, {"schedule_patience", t.ScheduleWait, 0}, {"max_skipped", t.MaxSkipped, 1},
		{"patience", t.Patience, 0}, {"teacher_steps", t.TeacherSteps, 0}, {"max_length", t.MaxLength, 0}, {"steps", t.Steps, 0}, {"epochs", t.Epochs, 0},
		{"threads", c.Running.Threads, 0},
	} {
		if f.value < f.min {
			return settings("`%s` is %d: it must be at least %d", f.name, f.value, f.min)
		}
	}
	if m.Layers > maxLayers {
		return settings("`layers` is %d: at most %s are supported", m.Layers, words.Thousands(maxLayers))
	}
	return nil
}

// checkNames checks what can be named, but for what package models knows.
func (c *Config) checkNames() error {
	m, t := &c.Model, &c.Training
	for _, f := range []struct {
		name, value string
		valid       []string
	}{
		{"optimizer", t.Optimizer, slices.Concat(Optimizers, slices.Sorted(maps.Keys(c.with.optimizers)))},
		{"schedule", t.Schedule, Schedules}, {"device", c.Running.Device, device.Names},
		{"precision", c.precision(), device.Precisions}, {"tokens", string(m.tokenKind()), VocabKinds()},
		{"teacher_decay", cmp.Or(t.TeacherDecay, NoDecay), TeacherDecays},
		{"class_weights", cmp.Or(t.ClassWeights, ClassWeights[0]), ClassWeights},
		{"bleu_tokenize", cmp.Or(t.Tokenize, metrics.Tokenizers[0]), metrics.Tokenizers},
	} {
		if !slices.Contains(f.valid, f.value) {
			return settings("`%s` is %q: it must be one of %s", f.name, f.value, strings.Join(f.valid, ", "))
		}
	}
	return nil
}

// checkTask checks the data, how long the training takes, and what is of one task.
func (c *Config) checkTask() error {
	m, t := &c.Model, &c.Training
	if _, err := c.Data.percents(); err != nil {
		return err
	}
	if err := datasets.Form(m.Normalize).Check(); err != nil {
		return settings("`normalize`: %v", err)
	}
	for _, s := range []*Source{c.Data.Train, c.Data.Held} {
		if err := s.check(); err != nil {
			return err
		}
	}
	switch {
	case !(t.Minutes >= 0) || math.IsInf(t.Minutes, 0):
		return settings("`minutes` is %g: it must be larger than 0", t.Minutes)
	case !(c.Data.HoldOut >= 0 && c.Data.HoldOut < 1):
		return settings("`hold_out` is %g: it must be larger than 0 and less than 1", c.Data.HoldOut)
	}
	return kindOf(c.Task).check(c)
}

// checkModel checks what package models knows, by declaring the model.
func (c *Config) checkModel() error {
	_, err := c.declare()
	if own := c.with.cells[c.Model.Cell]; err == nil && own != nil && c.cellOptions() {
		return settings("`cell` is %s, one of your own: the settings of the cells %s are not for it", c.Model.Cell,
			strings.Join(Cells, ", "))
	}
	return err
}

// cellOptions says whether there are settings that are for the cells of package models.
func (c *Config) cellOptions() bool {
	m := &c.Model
	return m.Nonlinearity != "" || m.NoBias || m.ForgetBias != 0 || m.Peepholes || m.LayerNorm
}

// checkSize says whether a model, or a training step on sequences of so many tokens, is too large.
func (c *Config) checkSize(tokens int) error {
	m, t := &c.Model, &c.Training
	if weights := c.Weights(); weights > maxWeights {
		return settings("`hidden` %d, `layers` %d and `embed` %d make a model of %.1e weights: at most %.0e are supported",
			m.Hidden, m.Layers, m.Embed, weights, float64(maxWeights))
	}
	what, hint := fmt.Sprintf("examples of %s tokens", words.Thousands(tokens)),
		", so a smaller `batch` or `longest` is needed"
	if t.Seq > 0 {
		what, hint = fmt.Sprintf("`seq` %d", tokens), ""
	}
	if kept := float64(t.Batch) * float64(tokens) * kindOf(c.Task).numbers(c, tokens); kept > maxActivations {
		return settings("`batch` %d and %s make a training step of about %.1e numbers: at most %.0e are supported%s",
			t.Batch, what, kept, float64(maxActivations), hint)
	}
	if read := float64(t.Batch) * float64(t.Accumulate) * float64(tokens); read > maxTokens {
		return settings("`batch` %d, `accumulate` %d and %s make a training step of %.1e tokens: at most %.0e are supported",
			t.Batch, t.Accumulate, what, read, float64(maxTokens))
	}
	return nil
}

// gates are those of the largest cell.
const gates = 4

// states is how many numbers the layers keep for each token.
func (m *Model) states() float64 { return gates * float64(m.Hidden) * float64(m.Layers) }

// width is the size of what the first layer reads.
func (m *Model) width() float64 {
	if m.Embed > 0 && m.Input == 0 {
		return float64(m.Embed)
	}
	return float64(m.Vocab) + float64(m.Input)
}

package run

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/graph/ref"
)

// small is a configuration of each task whose data are known.
func small(task string) *Config {
	c := Defaults(task)
	c.with.device = ref.New()
	c.Model.Hidden, c.Model.Layers, c.Model.Embed = 6, 4, 5
	c.Model.Vocab, c.Model.TargetVocab, c.Model.Classes = 9, 11, 3
	return &c
}

// The number of weights that is known before a model is made is that of the model.
func TestWeights(t *testing.T) {
	for _, task := range []string{TaskLM, TaskClassify, TaskSeq2Seq} {
		for name, change := range map[string]func(*Model){
			"plain":         func(*Model) {},
			"one layer":     func(m *Model) { m.Layers = 1 },
			"two layers":    func(m *Model) { m.Layers = 2 },
			"five":          func(m *Model) { m.Layers = 5 },
			"lstm":          func(m *Model) { m.Cell, m.Peepholes, m.LayerNorm = "lstm", true, true },
			"bidirectional": func(m *Model) { m.Bidirectional = true },
			"one-hot":       func(m *Model) { m.Embed = 0 },
			"tied":          func(m *Model) { m.Tied = true },
		} {
			if task == TaskLM && name == "bidirectional" || task == TaskSeq2Seq && name == "one-hot" ||
				task == TaskClassify && name == "tied" {
				continue
			}
			c := small(task)
			change(&c.Model)
			var m Learner
			var err error
			switch task {
			case TaskLM:
				m, err = c.newLM()
			case TaskClassify:
				m, err = c.newClassifier()
			default:
				m, err = c.newSeq2Seq()
			}
			if err != nil {
				t.Fatalf("%s, %s: %v", task, name, err)
			}
			params, err := m.Params()
			if err != nil {
				t.Fatal(err)
			}
			if got, want := c.Weights(), float64(countElements(params)); got != want {
				t.Errorf("%s, %s: %g weights, the model has %g", task, name, got, want)
			}
		}
	}
}

// The rules of package models are told in the words of config.yaml.
func TestCheck(t *testing.T) {
	for want, change := range map[string]func(c *Config){
		"`hidden` is 0: it must be at least 1":                             func(c *Config) { c.Model.Hidden = 0 },
		"`hidden` is 2000000000: at most 1,000,000,000 are supported":      func(c *Config) { c.Model.Hidden = 2e9 },
		"`label_smoothing` is 1: it must be in [0, 1)":                     func(c *Config) { c.Training.Smoothing = 1 },
		"`peepholes` must be left out, but for the cell lstm":              func(c *Config) { c.Model.Peepholes = true },
		"`input_feeding` must be left out with `attention_before`":         func(c *Config) { c.Model.Before, c.Model.Feeding = true, true },
		"`forget_bias` is 1: it must be 0 with `no_bias`":                  func(c *Config) { c.Model.Cell, c.Model.ForgetBias, c.Model.NoBias = "lstm", 1, true },
		"`softmax` is \"half\": it must be one of full, adaptive, sampled": func(c *Config) { c.Model.Softmax = "half" },
		"`cutoffs` are for `softmax` adaptive":                             func(c *Config) { c.Model.Cutoffs = []int{3} },
		"`softmax_samples` is for `softmax` sampled":                       func(c *Config) { c.Model.Samples = 3 },
		"`softmax` sampled is for tokens that are numbered by":             func(c *Config) { c.Model.Softmax, c.Model.Tokens = "sampled", "char" },
		"`label_smoothing` needs all tokens":                               func(c *Config) { c.Model.Softmax, c.Model.Tokens, c.Training.Smoothing = "sampled", "word", 0.1 },
		"`cutoffs` is [9 5]: it must be ascending":                         func(c *Config) { c.Model.Softmax, c.Model.Tokens, c.Model.Cutoffs = "adaptive", "word", []int{9, 5} },
		"`cell` is \"mgu\": it must be one of rnn, gru, lstm":              func(c *Config) { c.Model.Cell = "mgu" },
		"`attention` is \"own\": it must be one of":                        func(c *Config) { c.Model.Attention = "own" },
		"`cell` is mgu, one of your own: the settings of the cells rnn":    func(c *Config) { c.Model.Cell, c.Model.NoBias = "mgu", true; c.use([]Option{Cell("mgu", mgu{})}) },
		"`optimizer` is \"lion\": it must be one of adam":                  func(c *Config) { c.Training.Optimizer = "lion" },
		"`sparse_updates` must be left out with `accumulate`":              func(c *Config) { c.Training.SparseUpdates, c.Training.Accumulate = true, 2 },
		"`lr` is 0: it must be larger than 0":                              func(c *Config) { c.Training.LR = 0 },
		"`precision` tf32 is for `device` cuda":                            func(c *Config) { c.Running.Device, c.Running.Precision = "cpu", "tf32" },
	} {
		c := small(TaskSeq2Seq)
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		change(c)
		err := c.Check()
		var wrong *SettingsError
		if !errors.As(err, &wrong) || !strings.HasPrefix(fmt.Sprint(err), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// The batch that would fit leaves a tenth of the memory free, and is smaller than the one that did not.
func TestBatchFor(t *testing.T) {
	c := small(TaskLM)
	c.Training.Batch = 64
	fixed := int64(16 * c.Weights())
	for _, x := range []struct {
		asked, free int64
		want        int
	}{
		{0, 1 << 20, 32}, // not known
		{fixed + 64_000_000, (fixed + 32_000_000) / 9 * 10, 24}, // 32 would fit, 24 is a multiple of 8 that surely does
		{fixed + 64_000_000, fixed, 0},
		{fixed + 64_000_000, 2 * (fixed + 64_000_000), 56}, // smaller than 64 at any rate
	} {
		if got := c.BatchFor(x.asked, x.free); got != x.want {
			t.Errorf("%d bytes asked for, %d free: a batch of %d, want %d", x.asked, x.free, got, x.want)
		}
	}
}

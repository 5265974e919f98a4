package trainer

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// A setting that cannot be is an error that names it, however deep in a configuration it is.
func TestSettingsAreNamed(t *testing.T) {
	cell := models.CellConfig{Kind: "gru"}
	for want, change := range map[string]func(c *LMConfig){
		"Optimizer":  func(c *LMConfig) { c.Optimizer = nil },
		"Cell":       func(c *LMConfig) { c.Model.Cell = nil },
		"Hidden":     func(c *LMConfig) { c.Model.Hidden = 0 },
		"Seq":        func(c *LMConfig) { c.Seq = 0 },
		"Batch":      func(c *LMConfig) { c.Batch = 0 },
		"Accumulate": func(c *LMConfig) { c.Accumulate = -1 },
		"Average":    func(c *LMConfig) { c.Average = 1 },
		"Clip":       func(c *LMConfig) { c.Clip = math.NaN() },
		"Epsilon":    func(c *LMConfig) { c.Optimizer = optim.Adam{} },
	} {
		c := LMConfig{
			Model: models.LMConfig{Vocab: 3, Cell: cell, Hidden: 2, Layers: 1}, Seq: 2, Batch: 1,
			Training: Training{Optimizer: optim.SGD{}},
		}
		change(&c)
		_, err := NewLM(c)
		var wrong *setting.Error
		if !errors.As(err, &wrong) || wrong.Setting != want {
			t.Errorf("error is %v, want one about %s", err, want)
		}
	}
}

// Classes and weights that do not fit a batch are errors, in training and in measuring; a row that does not count may
// have any class.
func TestClassifierRefuses(t *testing.T) {
	m, err := NewClassifier(ClassifierConfig{
		Model:    models.ClassifierConfig{Vocab: 3, Cell: models.CellConfig{Kind: "rnn"}, Hidden: 2, Layers: 1, Classes: 2},
		Training: Training{Optimizer: optim.SGD{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	x := Sequences{Steps: 2, Batch: 2, Tokens: []int32{0, 1, 2, 0}}
	for want, c := range map[string]struct {
		classes []int32
		weights []float32
	}{
		"1 classes and 2 weights for 2": {[]int32{0}, []float32{1, 1}},
		"2 classes and 0 weights for 2": {[]int32{0, 1}, nil},
		"sequence 1 has class 2 of 2":   {[]int32{0, 2}, []float32{1, 1}},
		"sequence 0 has class -1 of 2":  {[]int32{-1, 0}, []float32{1, 1}},
	} {
		if _, _, err := m.Train(x, c.classes, c.weights, 0, 0.1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("training: error is %v, want %q in it", err, want)
		}
		if _, err := m.Eval(x, c.classes, c.weights); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("measuring: error is %v, want %q in it", err, want)
		}
	}
	if s, err := m.Eval(x, []int32{1, -1}, []float32{1, 0}); err != nil || s.Count != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	for _, rate := range []float64{-1, math.NaN(), math.Inf(1)} {
		if _, _, err := m.Train(x, []int32{0, 1}, []float32{1, 1}, 0, rate); err == nil ||
			!strings.Contains(err.Error(), "rate is") {
			t.Errorf("error is %v", err)
		}
	}
	weights, err := m.Params()
	if err != nil {
		t.Fatal(err)
	}
	weights[1].Data = nil
	if err := m.Load(weights, nil); err == nil || !strings.Contains(err.Error(), "has no data") {
		t.Errorf("error is %v", err)
	}
	weights[0].Data, weights[1].Data = []float64{1}, weights[0].Data
	if err := m.Load(weights, nil); err == nil || !strings.Contains(err.Error(), "data of type []float64") {
		t.Errorf("error is %v", err)
	}
}

// Weights that are loaded are those that are measured, sampled from and translated with from then on, also by
// programs that were compiled for others before.
func TestLoadRefreshesPrograms(t *testing.T) {
	training := Training{Seed: 1, Optimizer: optim.DefaultAdam}
	cell := models.CellConfig{Kind: "gru"}
	lm := func() *LM {
		m, err := NewLM(LMConfig{
			Model: models.LMConfig{Vocab: vocab, Cell: cell, Hidden: 8, Layers: 1, Embed: 4}, Seq: seq, Batch: batch,
			Training: training,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return m
	}
	translator := func() *Seq2Seq {
		m, err := NewSeq2Seq(Seq2SeqConfig{
			Model: models.Seq2SeqConfig{Source: 8, Target: 8, Tokens: models.DefaultTokens, Cell: cell, Embed: 4,
				Hidden: 8, Layers: 1},
			TeacherForcing: 1, Training: training,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return m
	}
	// Other weights than those of a fresh model.
	other := func(weights []graph.Tensor, err error) []graph.Tensor {
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range weights {
			data := make([]float32, len(w.Data.([]float32)))
			for k := range data {
				data[k] = float32(k%7)/7 - 0.5
			}
			weights[i].Data = data
		}
		return weights
	}
	in, out := window(0)
	used, fresh := lm(), lm()
	measure := func(m *LM) (numbers []float64) {
		if err := m.ResetEval(); err != nil {
			t.Fatal(err)
		}
		s, err := m.Eval(in, out, full(seq*batch))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.ResetSample(); err != nil {
			t.Fatal(err)
		}
		logits, err := m.Next(1)
		if err != nil {
			t.Fatal(err)
		}
		return []float64{s.NLL, float64(logits[0]), float64(logits[1])}
	}
	before := measure(used)
	for _, m := range []*LM{used, fresh} {
		if err := m.Load(other(m.Params()), nil); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := measure(used), measure(fresh); !slices.Equal(got, want) || slices.Equal(got, before) {
		t.Errorf("language model: %v after %v, want %v", got, before, want)
	}

	source := []int32{4, 5, 6, 3}
	usedT, freshT := translator(), translator()
	translate := func(m *Seq2Seq) (numbers []float64) {
		tokens, err := m.Greedy(source, 1, 6)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range tokens {
			numbers = append(numbers, float64(x))
		}
		s, err := m.Eval(Translations{SourceSteps: 4, TargetSteps: 4, Batch: 1, Source: source, Target: source})
		if err != nil {
			t.Fatal(err)
		}
		return append(numbers, s.NLL)
	}
	before = translate(usedT)
	for _, m := range []*Seq2Seq{usedT, freshT} {
		if err := m.Load(other(m.Params()), nil); err != nil {
			t.Fatal(err)
		}
	}
	got, want := translate(usedT), translate(freshT)
	if !slices.Equal(got, want) || slices.Equal(got[:6], before[:6]) || got[6] == before[6] {
		t.Errorf("translator: %v after %v, want %v", got, before, want)
	}
}

// full is a mask that leaves nothing out.
func full(n int) []float32 {
	mask := make([]float32, n)
	for i := range mask {
		mask[i] = 1
	}
	return mask
}

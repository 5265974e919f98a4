package run

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/models"
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

// Check says what is wrong with a configuration. Vocabularies may still be 0, for not known.
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
	m, t := &c.Model, &c.Training
	seq, examples := 1, 0
	if c.Task != TaskLM {
		seq, examples = 0, 1
	}
	for _, f := range []struct {
		flag       string
		value, min int
	}{
		{"hidden", m.Hidden, 1}, {"layers", m.Layers, 1}, {"embed", m.Embed, 0}, {"batch", t.Batch, 1}, {"seq", t.Seq, seq}, {"stride", t.Stride, 0},
		{"longest", t.Longest, examples}, {"buckets", t.Buckets, examples}, {"min_freq", m.MinFreq, 0}, {"max_vocab", m.MaxVocab, 0},
		{"valid_every", t.ValidEvery, 0}, {"valid_epochs", t.ValidEpochs, 0}, {"checkpoint_every", t.CheckpointEvery, 0},
		{"accumulate", t.Accumulate, 1}, {"warmup", t.Warmup, 0}, {"schedule_steps", t.ScheduleSteps, 0}, {"schedule_patience", t.ScheduleWait, 0},
		{"max_skipped", t.MaxSkipped, 1}, {"patience", t.Patience, 0}, {"teacher_steps", t.TeacherSteps, 0},
		{"max_length", t.MaxLength, 0}, {"steps", t.Steps, 0}, {"epochs", t.Epochs, 0}, {"threads", c.Running.Threads, 0}, {"vocab", m.Vocab, 0},
		{"input", m.Input, 0}, {"classes", m.Classes, 0}, {"target_vocab", m.TargetVocab, 0}, {"valid_translate", t.ValidPairs, 0},
	} {
		if f.value < f.min {
			return settings("`%s` is %d: it must be at least %d", f.flag, f.value, f.min)
		}
	}
	if m.Layers > maxLayers {
		return settings("`layers` is %d: at most %s are supported", m.Layers, words.Thousands(maxLayers))
	}
	if !(c.Data.HoldOut >= 0 && c.Data.HoldOut < 1) {
		return settings("`hold_out` is %g: it must be larger than 0 and less than 1", c.Data.HoldOut)
	}
	for _, f := range []struct {
		flag, value string
		valid       []string
	}{
		{"cell", m.Cell, Cells}, {"optimizer", t.Optimizer, Optimizers}, {"schedule", t.Schedule, Schedules}, {"device", c.Running.Device, device.Names},
		{"precision", cmp.Or(c.Running.Precision, device.FP32), device.Precisions},
	} {
		if !slices.Contains(f.valid, f.value) {
			return settings("`%s` is %q: it must be one of %s", f.flag, f.value, strings.Join(f.valid, ", "))
		}
	}
	if _, err := c.Data.percents(); err != nil {
		return err
	}
	if err := m.checkCell(); err != nil {
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
	if err := c.Running.Check(); err != nil {
		return err
	}
	if err := t.checkOptimizer(c.Task); err != nil {
		return err
	}
	switch {
	case !(t.Minutes >= 0) || math.IsInf(t.Minutes, 0):
		return settings("`minutes` is %g: it must be larger than 0", t.Minutes)
	case !(m.Dropout >= 0 && m.Dropout < 1):
		return settings("`dropout` is %g: it must be at least 0 and less than 1", m.Dropout)
	}
	switch c.Task {
	case TaskClassify:
		if !slices.Contains(models.Poolings, m.Pooling) {
			return settings("`pooling` is %q: it must be one of %s", m.Pooling, strings.Join(models.Poolings, ", "))
		}
		if !slices.Contains(ClassWeights, cmp.Or(t.ClassWeights, ClassWeights[0])) {
			return settings("`class_weights` is %q: it must be one of %s", t.ClassWeights, strings.Join(ClassWeights, ", "))
		}
		return c.checkClassifierSize(1)
	case TaskSeq2Seq:
		return c.checkSeq2Seq()
	}
	switch kind := m.kind(); {
	case !slices.Contains(datasets.Kinds, kind):
		return settings("`tokens` is %q: it must be one of %s", kind, strings.Join(VocabKinds(), ", "))
	case m.Dropout > 0 && m.Layers == 1:
		return settings("`dropout` is between layers, and there is one: `layers` 2 at least, or leave it out")
	case m.Tied && m.Embed == 0:
		return settings("`tie` gives the output the embedding's weights, and `embed` 0 is none: choose an `embed`, or leave it out")
	}
	return c.checkSize()
}

// checkSeq2Seq is what check says of a sequence-to-sequence model.
func (c *Config) checkSeq2Seq() error {
	m, t := &c.Model, &c.Training
	switch {
	case m.Embed < 1:
		return settings("`embed` is %d: it must be at least 1", m.Embed)
	case !slices.Contains(Attentions, m.Attention):
		return settings("`attention` is %q: it must be one of %s", m.Attention, strings.Join(Attentions, ", "))
	case m.Feeding && m.Attention == NoAttention:
		return settings("`input_feeding` feeds what the attention found: choose an `attention`, or leave it out")
	case m.Before && m.Attention == NoAttention:
		return settings("`attention_before` says when the attention looks: choose an `attention`, or leave it out")
	case m.Before && m.Feeding:
		return settings("`attention_before` and `input_feeding`: the cell sees what the attention finds already, leave one of them out")
	case m.EveryStep && m.Attention != NoAttention:
		return settings("`context_every_step` is for `attention` none: with attention every step sees the source already, leave one of them out")
	case m.Attention == "dot" && m.Bidirectional:
		return settings("`attention` dot compares vectors of one size, and `bidirectional` makes those of the source twice as long: use `attention` general")
	case !(t.TeacherForcing >= 0 && t.TeacherForcing <= 1):
		return settings("`teacher_forcing` is %g: it must be at least 0 and at most 1", t.TeacherForcing)
	case t.ValidPairs < 1:
		return settings("`valid_translate` is %d: it must be at least 1", t.ValidPairs)
	case t.Tokenize != "" && !slices.Contains(metrics.Tokenizers, t.Tokenize):
		return settings("`bleu_tokenize` is %q: it must be one of %s", t.Tokenize, strings.Join(metrics.Tokenizers, ", "))
	case !slices.Contains(TeacherDecays, t.TeacherDecay):
		return settings("`teacher_decay` is %q: it must be one of %s", t.TeacherDecay, strings.Join(TeacherDecays, ", "))
	case t.TeacherDecay != NoDecay && t.TeacherSteps < 1:
		return settings("`teacher_decay` %s needs `teacher_steps`, at least 1: after how many steps teacher forcing is half of what it was", t.TeacherDecay)
	case t.TeacherDecay == NoDecay && t.TeacherSteps != 0:
		return settings("`teacher_steps` says how fast teacher forcing decays, and `teacher_decay` is none: leave it out, or choose one")
	case !(t.Smoothing >= 0 && t.Smoothing < 1):
		return settings("`label_smoothing` is %g: it must be at least 0 and less than 1", t.Smoothing)
	}
	return c.checkSeq2SeqSize(1)
}

// checkSeq2SeqSize is checkSize of a sequence-to-sequence model whose longest source and target have so many tokens together.
func (c *Config) checkSeq2SeqSize(tokens int) error {
	if err := c.checkWeights(); err != nil {
		return err
	}
	hidden, embed, layers, target := float64(c.Model.Hidden), float64(c.Model.Embed), float64(c.Model.Layers), float64(c.Model.TargetVocab)
	return c.checkExamples(tokens, 3*gates*hidden*layers+embed+target+float64(tokens)*hidden)
}

func (c *Config) checkSize() error {
	if err := c.checkWeights(); err != nil {
		return err
	}
	m, t := &c.Model, &c.Training
	activations := float64(t.Batch) * float64(t.Seq) * (gates*float64(m.Hidden)*float64(m.Layers) + c.width() + float64(m.Vocab))
	if activations > maxActivations {
		return settings("`batch` %d and `seq` %d make a training step of about %.1e numbers: at most %.0e are supported", t.Batch, t.Seq, activations, float64(maxActivations))
	}
	return c.checkTokens(t.Seq, fmt.Sprintf("--seq %d", t.Seq))
}

// checkTokens is for training steps of sequences of so many tokens, which what names.
func (c *Config) checkTokens(each int, what string) error {
	t := &c.Training
	if tokens := float64(t.Batch) * float64(t.Accumulate) * float64(each); tokens > maxTokens {
		return settings("`batch` %d, `accumulate` %d and %s make a training step of %.1e tokens: at most %.0e are supported", t.Batch, t.Accumulate, what, tokens, float64(maxTokens))
	}
	return nil
}

// gates are those of the largest cell.
const gates = 4

// width is the size of what the first layer reads.
func (c *Config) width() float64 {
	if c.Model.Embed > 0 && c.Model.Input == 0 {
		return float64(c.Model.Embed)
	}
	return float64(c.Model.Vocab) + float64(c.Model.Input)
}

// Weights is how many weights the model has; 0 if there can be no such model.
func (c *Config) Weights() float64 {
	count := c.lmModel().Weights
	switch c.Task {
	case TaskClassify:
		count = c.classifierModel().Weights
	case TaskSeq2Seq:
		model, err := c.seq2seqModel()
		if err != nil {
			return 0
		}
		count = model.Weights
	}
	n, err := count()
	if err != nil {
		return 0
	}
	return n
}

func (c *Config) directions() float64 {
	if c.Model.Bidirectional {
		return 2
	}
	return 1
}

func (c *Config) checkWeights() error {
	if weights := c.Weights(); weights > maxWeights {
		return settings("`hidden` %d, `layers` %d and `embed` %d make a model of %.1e weights: at most %.0e are supported", c.Model.Hidden, c.Model.Layers, c.Model.Embed, weights, float64(maxWeights))
	}
	return nil
}

// checkExamples is for batches of examples of so many tokens; each takes so many numbers for each token.
func (c *Config) checkExamples(tokens int, numbers float64) error {
	if err := c.checkTokens(tokens, fmt.Sprintf("examples of %s tokens", words.Thousands(tokens))); err != nil {
		return err
	}
	if activations := float64(c.Training.Batch) * float64(tokens) * numbers; activations > maxActivations {
		return settings("`batch` %d and examples of %s tokens make a training step of about %.1e numbers: at most %.0e are supported, so a smaller `batch` or `longest` is needed",
			c.Training.Batch, words.Thousands(tokens), activations, float64(maxActivations))
	}
	return nil
}

// checkClassifierSize is checkSize of a classifier of examples of so many tokens.
func (c *Config) checkClassifierSize(tokens int) error {
	if err := c.checkWeights(); err != nil {
		return err
	}
	return c.checkExamples(tokens, c.directions()*gates*float64(c.Model.Hidden)*float64(c.Model.Layers)+c.width()+float64(c.Model.Classes))
}

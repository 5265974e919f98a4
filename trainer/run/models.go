package run

import (
	"fmt"
	"math"
	"regexp"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
)

// What a configuration says, as package models wants it said. The rules of models are written there, and there
// alone: a configuration is checked by declaring its model.

// What Model.Cell and Model.Attention may name, besides those that are given as options, and Model.Nonlinearity
// and Pooling.
var (
	Cells      = models.Cells
	Attentions = append([]string{NoAttention}, models.Attentions...)

	Nonlinearities = models.Activations
	Poolings       = models.Poolings
)

// NoAttention is what Model.Attention is without one.
const NoAttention = "none"

// cell is the kind of cell of the model.
func (c *Config) cell() models.CellKind {
	m := &c.Model
	if own, ok := c.with.cells[m.Cell]; ok {
		return own
	}
	return models.CellConfig{
		Kind: m.Cell, Activation: m.Nonlinearity, NoBias: m.NoBias, ForgetBias: m.ForgetBias, Peepholes: m.Peepholes,
		LayerNorm: m.LayerNorm,
	}
}

// attention is the kind of attention of the model; nil: none.
func (c *Config) attention() (models.AttentionKind, error) {
	name := c.Model.Attention
	if own, ok := c.with.attentions[name]; ok {
		return own, nil
	}
	if name == NoAttention {
		return nil, nil
	}
	return models.AttentionNamed(name)
}

// fewTokens is the vocabulary of a model whose data are not known yet: the reserved tokens, and one.
const fewTokens = 5

// declare counts the weights of the model without making it, and says what is wrong with it. What is not known
// before the data are read counts as little as can be.
func (c Config) declare() (weights float64, err error) {
	if err := c.hasParts(); err != nil {
		return 0, err
	}
	m := &c.Model
	least := fewTokens
	if m.VocabSHA256 == "" { // the settings of a softmax say that there are more
		least = max(least, 2*m.Samples, slices.Max(append(m.Cutoffs[:len(m.Cutoffs):len(m.Cutoffs)], 0))+1)
	}
	if m.Input == 0 {
		m.Vocab = max(m.Vocab, least)
	}
	if len(c.pretrained()) > 0 {
		m.Embed = max(m.Embed, 1)
	}
	m.TargetVocab, m.Classes = max(m.TargetVocab, least), max(m.Classes, 2)
	model, err := kindOf(c.Task).model(&c)
	if err == nil && model != nil {
		weights, err = model.Weights()
	}
	return weights, c.ownWords(err)
}

// Weights is the number of weights of the model, which is known before it is made; 0 if there cannot be such a model.
func (c *Config) Weights() float64 {
	if kindOf(c.Task) == nil {
		return 0
	}
	weights, err := c.declare()
	if err != nil {
		return 0
	}
	return weights
}

// BatchFor estimates the batch with which a program would fit into the memory of a device that asks for so many
// bytes now where so many are free; 0: none. What it asks for is the weights, with a gradient and two numbers
// of the optimizer for each, and what is proportional to the batch. A tenth is left free. If asked is 0, it is
// not known, and half the batch is a guess.
func (c *Config) BatchFor(asked, free int64) int {
	if asked == 0 {
		return c.Training.Batch / 2
	}
	fixed := min(16*c.Weights(), 0.9*float64(asked))
	batch := math.Floor(float64(c.Training.Batch) * (0.9*float64(free) - fixed) / (float64(asked) - fixed))
	n := int(max(min(batch, float64(c.Training.Batch-1)), 0))
	if n > 8 {
		return n / 8 * 8
	}
	return n
}

// settingNames are the settings of models and of how they learn, by what package models and others call them.
var settingNames = map[string]string{
	"Accumulate": "accumulate", "Activation": "nonlinearity", "Attention": "attention", "Average": "ema", "Batch": "batch",
	"Before": "attention_before", "Bidirectional": "bidirectional", "CRF": "crf", "Cell": "cell", "CharEmbed": "char_embed",
	"CharHidden": "char_hidden", "Chars": "chars", "Classes": "classes", "Clip": "clip", "Cutoffs": "cutoffs",
	"ClipValue": "clip_value", "Decay": "weight_decay", "Dropout": "dropout", "Embed": "embed", "EveryStep": "context_every_step",
	"Feeding": "input_feeding", "ForgetBias": "forget_bias", "Hidden": "hidden", "Input": "input", "LayerNorm": "layer_norm",
	"Layers": "layers", "Loss": "loss", "Missing": "missing", "Momentum": "momentum", "NoBias": "no_bias", "Patch": "patch",
	"Peepholes": "peepholes", "Pooling": "pooling", "Rows": "sparse_updates", "Scale": "scale", "Seq": "seq",
	"Samples": "softmax_samples", "Smoothing": "label_smoothing", "Tags": "classes", "TeacherForcing": "teacher_forcing", "Tied": "tie", "Vocab": "vocab",
	"Words": "vocab",
}

var goName = regexp.MustCompile(`\b[A-Z][A-Za-z]+\b`)

// ownWords turns what package models says of a setting into a *SettingsError with the names of config.yaml;
// other errors stay.
func (c *Config) ownWords(err error) error {
	var wrong *setting.Error
	if !errors.As(err, &wrong) {
		return err
	}
	name := func(goName string) string {
		if own, ok := settingNames[goName]; ok {
			return "`" + own + "`"
		}
		return goName
	}
	e := *wrong
	e.Setting, e.Want = name(e.Setting), goName.ReplaceAllStringFunc(e.Want, name)
	if e.Value == true {
		return &SettingsError{fmt.Sprintf("%s must be %s", e.Setting, e.Want)}
	}
	return &SettingsError{e.Error()}
}

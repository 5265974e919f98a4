package main

import (
	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/trainer/run"
)

// trainLMCmd trains a language model.
type trainLMCmd struct {
	Text      string `group:"Data:" placeholder:"FILE" help:"Train on this text, plain or .gz, UTF-8. Without it: on the built-in text."`
	ValidText string `group:"Data:" placeholder:"FILE" help:"Validate on this text. Without it: on the last tenth of the text, which is not trained on."`
	Split     string `group:"Data:" placeholder:"A/B/C" help:"Train on the first A percent of the text, validate on the next B, and keep the last C for unroll eval; or A/B. Default: 90/10."`

	Tokens   string `group:"Model:" enum:"${tokenKinds}" default:"char" help:"What the text is cut into: ${enum}."`
	MinFreq  int    `group:"Model:" default:"1" help:"Words or characters, or for bpe characters and pairs, that occur less often are unknown."`
	MaxVocab int    `group:"Model:" default:"0" help:"The most different tokens; 0: any number, for bpe ${bpe}."`
	normalFlags

	cellFlags `embed:"" group:"Model:" set:"cell=rnn"`
	Hidden    int  `group:"Model:" default:"128" help:"Hidden size."`
	Layers    int  `group:"Model:" default:"2" help:"Layers."`
	Embed     *int `group:"Model:" placeholder:"N" help:"Embedding size; 0: one-hot, straight into the first layer. Default: ${embed}, or that of --vectors."`
	vectorFlags
	Dropout float64 `group:"Model:" default:"0" help:"Probability with which an output of a layer is dropped in training before the next layer sees it."`
	Tie     bool    `group:"Model:" help:"The output's weights are the embedding's."`
	softmaxFlags

	Batch      int `group:"Training:" default:"32" help:"Streams of text that are read in parallel."`
	Seq        int `group:"Training:" default:"64" help:"Tokens of each stream in a step."`
	Stride     int `group:"Training:" placeholder:"N" help:"Read windows of --seq tokens that begin every N tokens, --batch of them a step, in random order and each from a state of zero. Default 0: streams that are read in order and carry their state on."`
	trainFlags `kong:"embed,set='task=lm',set='data=text',set='seedNote=, of what is dropped and, with --stride, of the order of the windows',set='epochsNote=; on the built-in text, ${demoSteps} steps',set='validNote=; on the built-in text, every ${demoValid} steps'"`
}

// Without a text: short, for a first impression.
const (
	demoSteps = 400
	demoValid = 50
)

// config is what the flags ask for; what the data says is not in it yet.
func (t *trainLMCmd) config() (*run.Config, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if t.ValidText != "" && t.Text == "" {
		return nil, usage("--valid-text needs --text: the built-in text has a validation part of its own")
	}
	if t.ValidText != "" && t.Split != "" {
		return nil, usage("--split and --valid-text both say what is measured on: leave one of them out")
	}
	c := t.trainFlags.config(run.TaskLM)
	c.Data.Text, c.Data.Valid, c.Data.Split = t.Text, t.ValidText, t.Split
	c.Model = run.Model{Hidden: t.Hidden, Layers: t.Layers, Dropout: t.Dropout, Tied: t.Tie, Normalize: t.form()}
	if t.Tokens != string(datasets.Char) {
		c.Model.Tokens = t.Tokens
	}
	if t.MinFreq != 1 {
		c.Model.MinFreq = t.MinFreq
	}
	c.Model.MaxVocab = t.MaxVocab
	if err := t.vectorFlags.into(c, t.Embed); err != nil {
		return nil, err
	}
	t.cellFlags.into(&c.Model)
	if err := t.softmaxFlags.into(&c.Model); err != nil {
		return nil, err
	}
	c.Training.Batch, c.Training.Seq, c.Training.Stride = t.Batch, t.Seq, t.Stride
	if t.Text == "" {
		if !t.limited() {
			c.Training.Epochs, c.Training.Steps = 0, demoSteps
		}
		if t.ValidEvery == nil {
			c.Training.ValidEvery = demoValid
		}
	}
	return c, nil
}

func (t *trainLMCmd) Run(a *app) error {
	c, err := t.config()
	if err != nil {
		return err
	}
	return t.train(a, c)
}

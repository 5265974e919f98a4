package main

import (
	"fmt"
	"io"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/models/decode"
)

// trainLMCmd trains a language model.
type trainLMCmd struct {
	Text      string `group:"Data:" placeholder:"FILE" help:"Train on this text, plain or .gz, UTF-8. Without it: on the built-in text."`
	ValidText string `group:"Data:" placeholder:"FILE" help:"Measure on this text. Without it: the last tenth of the text is held out."`
	Split     string `group:"Data:" placeholder:"A/B/C" help:"Train on the first A percent of the text, measure on the next B, and keep the last C for unroll eval; or A/B. Default: 90/10."`

	Tokens   string `group:"Model:" enum:"${tokenKinds}" default:"char" help:"What the text is cut into: ${enum}."`
	MinFreq  int    `group:"Model:" default:"1" help:"Words, or for bpe characters and pairs, that occur less often are unknown."`
	MaxVocab int    `group:"Model:" default:"0" help:"The most different tokens; 0: any number, for bpe ${bpe}."`

	cellFlags `embed:"" group:"Model:" set:"cell=rnn"`
	Hidden    int     `group:"Model:" default:"128" help:"Units of a layer."`
	Layers    int     `group:"Model:" default:"2" help:"Layers."`
	Embed     int     `group:"Model:" default:"32" help:"Width of the embedding of a token; 0: one-hot, straight into the first layer."`
	Dropout   float64 `group:"Model:" default:"0" help:"Probability with which an output of a layer is dropped in training before the next layer sees it."`
	Tie       bool    `group:"Model:" help:"The output's weights are the embedding's."`

	Batch      int `group:"Training:" default:"32" help:"Streams of text that are read in parallel."`
	Seq        int `group:"Training:" default:"64" help:"Tokens of each stream in a step."`
	Stride     int `group:"Training:" placeholder:"N" help:"Read windows of --seq tokens that begin every N tokens, --batch of them a step, in random order and each from a state of zero. Default 0: streams that are read in order and carry their state on."`
	trainFlags `kong:"embed,set='task=lm',set='data=text',set='is=is',set='seedNote=, of what is dropped and, with --stride, of the order of the windows',set='epochsNote=; on the built-in text, ${demoSteps} steps',set='validNote=; on the built-in text, every ${demoValid} steps'"`
}

// Without a text: short, for a first impression.
const (
	demoSteps = 400
	demoValid = 50
)

// config is what the flags ask for; what the data says is not in it yet.
func (t *trainLMCmd) config() (*config, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if t.ValidText != "" && t.Text == "" {
		return nil, usage("--valid-text needs --text: the built-in text has a held-out part of its own")
	}
	if t.ValidText != "" && t.Split != "" {
		return nil, usage("--split and --valid-text both say what is measured on: leave one of them out")
	}
	c := t.trainFlags.config(taskLM)
	c.Data.Split = t.Split
	c.Model = modelConfig{Hidden: t.Hidden, Layers: t.Layers, Embed: t.Embed, Dropout: t.Dropout, Tied: t.Tie}
	if t.Tokens != string(datasets.Char) {
		c.Model.Tokens = t.Tokens
	}
	if t.MinFreq != 1 {
		c.Model.MinFreq = t.MinFreq
	}
	c.Model.MaxVocab = t.MaxVocab
	t.cellFlags.into(&c.Model)
	c.Training.Batch, c.Training.Seq, c.Training.Stride = t.Batch, t.Seq, t.Stride
	if t.Text == "" {
		if !t.limited() {
			c.Training.Epochs, c.Training.Steps = 0, demoSteps
		}
		if t.ValidEvery == nil {
			c.Training.ValidEvery = demoValid
		}
	}
	return c, c.check()
}

func (t *trainLMCmd) Run(a *app) error {
	c, err := t.config()
	if err != nil {
		return err
	}
	return t.train(a, c, func() (task, error) {
		data, err := loadCorpus(t.Text, t.ValidText, c)
		if err != nil {
			return nil, err
		}
		task := &lmTask{config: c, data: data}
		task.feed.fill = task.fill
		return task, c.checkSize()
	})
}

// lmTask is a language model and its text.
type lmTask struct {
	LM
	config *config
	data   *corpus
	feed   feed[*lmBatch]
}

// lmBatch is a T×B window.
type lmBatch struct {
	inputs, targets []int32
	anew            bool // it does not go on from the one before
}

func (t *lmTask) build() (err error) {
	t.LM, err = newLM(t.config.lm())
	return err
}

func (t *lmTask) epoch() int { return t.data.windows.Len() }

func (t *lmTask) step(before int, rate float64) (loss, norm float64, tokens int, err error) {
	b, err := t.feed.next(before)
	if err != nil {
		return 0, 0, 0, err
	}
	if b.anew {
		if err := t.ResetTrain(); err != nil {
			return 0, 0, 0, err
		}
	}
	loss, norm, err = t.Train(b.inputs, b.targets, before, rate)
	return loss, norm, len(b.inputs), err
}

// fill reads the window of a step.
func (t *lmTask) fill(step int) (*lmBatch, error) {
	n := t.config.Training.Accumulate * t.config.Training.Batch * t.config.Training.Seq
	b := &lmBatch{inputs: make([]int32, n), targets: make([]int32, n)}
	var err error
	b.anew, err = t.data.windows.Fill(step, b.inputs, b.targets)
	return b, err
}

func (t *lmTask) Close() error {
	t.feed.close()
	if err := t.data.close(); err != nil {
		return err
	}
	return t.LM.Close()
}

func (t *lmTask) measure(stop func() bool) (metrics, error) {
	return measure(t.LM, t.data.evalWindows, &t.config.Training, stop)
}

func (t *lmTask) heldOut() string          { return "the held-out text" }
func (t *lmTask) files() map[string][]byte { return map[string][]byte{vocabName: t.data.vocab.JSON()} }

func (t *lmTask) verify(dir string) error {
	_, err := readRunVocab(dir, t.config)
	return err
}

func (t *lmTask) describe(weights int) []string {
	c, d := t.config, t.data
	input := "one-hot"
	if c.Model.Embed > 0 {
		input = fmt.Sprintf("embedding %d", c.Model.Embed)
	}
	windows := fmt.Sprintf("batch %d, seq %d", c.Training.Batch, c.Training.Seq)
	if c.Training.Stride > 0 {
		windows += fmt.Sprintf(", stride %d", c.Training.Stride)
	}
	unknown := ""
	if n := d.vocab.Unknown(d.held); n > 0 {
		unknown = fmt.Sprintf(", %s of them unknown", percent(n, d.held.Len()))
	}
	return []string{
		fmt.Sprintf("training on %s: %s %s, and %s held out to measure on%s; %s different ones",
			d.name, thousands(d.train.Len()), c.Model.units(), thousands(d.held.Len()), unknown, thousands(d.vocab.Len())),
		fmt.Sprintf("model: %s, %s, layers %d, hidden %d; %s weights, on %s", c.Model.Cell, input, c.Model.Layers, c.Model.Hidden, thousands(weights), t.Device()),
		fmt.Sprintf("%s: %s steps an epoch; %s", windows, thousands(t.epoch()), c.Training.words()),
	}
}

// percent is a part of n.
func percent(part, n int) string { return fmt.Sprintf("%.1f%%", 100*float64(part)/float64(n)) }

func (t *lmTask) farewell(w io.Writer, run string) error {
	if err := generate(t.LM, t.data.vocab, nil, 300, decode.Sampling{Temperature: 0.5}, 1, func(s string) error {
		_, err := io.WriteString(w, s)
		return err
	}); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n\nnext:\n  unroll eval %s\n  unroll sample %s --prompt %s\n", run, run, shellQuote(somePrompt(t.data.vocab)))
	return err
}

package run

import (
	"context"
	"fmt"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/words"
)

// LMTask is a language model that learns a text.
type LMTask struct {
	LM
	config *Config
	data   *corpus
	feed   feed[*lmBatch]
}

// NewLM makes a language model that learns a text, with fresh weights. It is validated on valid or, if that is nil, on the end of the text.
// Close closes the texts.
func NewLM(c Config, text, valid *datasets.Text, opts ...Option) (*LMTask, error) {
	if err := c.begin(TaskLM, opts); err != nil {
		return nil, err
	}
	data, err := newCorpus(&c, text, valid)
	if err != nil {
		return nil, err
	}
	return newLMTask(&c, data)
}

func newLMTask(c *Config, data *corpus) (_ *LMTask, err error) {
	t := &LMTask{config: c, data: data}
	t.feed.fill = t.fill
	if err = c.checkSize(); err == nil {
		t.LM, err = c.newLM()
	}
	if err != nil {
		data.close()
		return nil, err
	}
	if err := c.start(t); err != nil {
		return nil, err
	}
	return t, nil
}

// lmBatch is a T×B window.
type lmBatch struct {
	inputs, targets []int32
	reset           bool // it does not go on from the one before
}

// Config implements Task.
func (t *LMTask) Config() *Config { return t.config }

// Epoch implements Task.
func (t *LMTask) Epoch() int { return t.data.windows.Len() }

// Step implements Task.
func (t *LMTask) Step(before int, rate float64) (loss, norm float64, tokens int, err error) {
	b, err := t.feed.next(before)
	if err != nil {
		return 0, 0, 0, err
	}
	if b.reset {
		if err := t.ResetTrain(); err != nil {
			return 0, 0, 0, err
		}
	}
	loss, norm, err = t.Train(b.inputs, b.targets, before, rate)
	return loss, norm, len(b.inputs), err
}

// fill reads the window of a step.
func (t *LMTask) fill(step int) (*lmBatch, error) {
	n := t.config.Training.Accumulate * t.config.Training.Batch * t.config.Training.Seq
	b := &lmBatch{inputs: make([]int32, n), targets: make([]int32, n)}
	var err error
	b.reset, err = t.data.windows.Fill(step, b.inputs, b.targets)
	return b, err
}

// Close frees the model and closes the texts.
func (t *LMTask) Close() error {
	t.feed.close()
	if err := t.data.close(); err != nil {
		return err
	}
	return t.LM.Close()
}

// Validate implements Task.
func (t *LMTask) Validate(ctx context.Context) (Metrics, error) {
	return validateLM(ctx, t.LM, t.data.evalWindows, &t.config.Training)
}

// Vocab is the vocabulary.
func (t *LMTask) Vocab() *datasets.Vocab { return t.data.vocab }

// Files are the vocabulary, as the folder of the run holds it.
func (t *LMTask) Files() map[string][]byte { return map[string][]byte{vocabName: t.data.vocab.JSON()} }

// Verify says whether the vocabulary in a folder is that of the task.
func (t *LMTask) Verify(dir string) error {
	_, err := readRunVocab(dir, t.config)
	return err
}

// Describe says what is trained on what.
func (t *LMTask) Describe(weights int) []string {
	c, d := t.config, t.data
	input := "one-hot"
	if c.Model.Embed > 0 {
		input = fmt.Sprintf("embedding %d", c.Model.Embed)
	}
	windows := fmt.Sprintf("batch %d, seq %d", c.Training.Batch, c.Training.Seq)
	if c.Training.Stride > 0 {
		windows += fmt.Sprintf(", stride %d", c.Training.Stride)
	}
	return append([]string{
		fmt.Sprintf("training on %s: %s %s, and %s for validation; %s different ones",
			d.name, words.Thousands(d.train.Len()), c.Model.units(), words.Thousands(d.held.Len()), words.Thousands(d.vocab.Len())),
		fmt.Sprintf("model: %s, %s, layers %d, hidden %d; %s weights, on %s", c.Model.Cell, input, c.Model.Layers, c.Model.Hidden, words.Thousands(weights), t.Device()),
		fmt.Sprintf("%s: %s steps an epoch; %s", windows, words.Thousands(t.Epoch()), c.Training.summary()),
	}, d.notes...)
}

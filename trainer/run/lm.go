package run

import (
	"context"
	"fmt"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
)

// TaskLM is the task of a language model, and KindText the kind of its data: a text.
const (
	TaskLM   = "lm"
	KindText = "text"
)

type lmKind struct{}

func (lmKind) name() string          { return TaskLM }
func (lmKind) words() string         { return "a language model" }
func (lmKind) data() []string        { return []string{KindText} }
func (lmKind) loss(c *Config) string { return "loss, nats per " + c.Model.unit() }
func (lmKind) scores() []string      { return []string{"perplexity", "bits_per_token", "accuracy", "top2"} }

func (lmKind) embeddings() []string { return []string{"embedding.weight"} }

func (lmKind) defaults(c *Config) {
	c.Model.Cell, c.Model.Layers, c.Model.Tokens, c.Model.MinFreq = "rnn", 2, "", 0
	c.Training.Seq = 64
}

func (lmKind) check(c *Config) error {
	if c.Model.Dropout > 0 && c.Model.Layers == 1 {
		return settings("`dropout` is between layers, and there is one: `layers` 2 at least, or leave it out")
	}
	learner := c.lmLearner()
	return c.ownWords(learner.Check())
}

func (lmKind) lacks(c *Config) string { return c.Model.lacksVocab() }

func (lmKind) model(c *Config) (architecture, error) { return c.lmModel(), nil }

func (lmKind) numbers(c *Config, _ int) float64 {
	return c.Model.states() + c.Model.width() + float64(c.Model.Vocab)
}

// shared: a language model reads a validation text from its beginning to its end.
func (lmKind) shared() bool { return false }

func (lmKind) load(c *Config) (Task, error) {
	data, err := readCorpus(c)
	if err != nil {
		return nil, err
	}
	return newLMTask(c, data)
}

func (lmKind) evaluate(ctx context.Context, r *Run, e EvalConfig) (*Evaluation, error) {
	return r.evaluateLM(ctx, e)
}

func (c *Config) lmModel() models.LMConfig {
	m := &c.Model
	return models.LMConfig{
		Vocab: m.Vocab, Cell: c.cell(), Hidden: m.Hidden, Layers: m.Layers, Embed: m.Embed, Dropout: m.Dropout, Tied: m.Tied,
		Softmax: m.softmax(),
	}
}

// lmLearner is how the language model is trained.
func (c *Config) lmLearner() trainer.LMConfig {
	return trainer.LMConfig{
		Model: c.lmModel(), Seq: c.Training.Seq, Batch: c.Training.Batch, Training: c.trainer(), Device: c.with.device,
	}
}

// newLM makes the language model that the configuration asks for, with fresh weights.
func (c *Config) newLM() (LM, error) {
	config := c.lmLearner()
	if c.with.lm != nil {
		return c.with.lm(config)
	}
	m, err := trainer.NewLM(config)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// LMTask is a language model that learns a text.
type LMTask struct {
	LM
	config *Config
	data   *corpus
	feed   feed[*lmBatch]
}

// NewLM makes a language model that learns a text, with fresh weights. It is validated on valid or, if that is
// nil, on the end of the text. Close closes the texts.
func NewLM(c Config, text, valid *datasets.Text, opts ...Option) (*LMTask, error) {
	if text == nil {
		return nil, errNoData
	}
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
	targets := c.Training.Batch * c.Training.Seq
	err = c.completeSoftmax(c.Model.Vocab, targets,
		func() ([]int, error) { return countTokens(c.Model.Vocab, data.train) })
	if err == nil {
		err = c.checkSize(c.Training.Seq)
	}
	if err == nil {
		t.LM, err = c.newLM()
	}
	if err != nil {
		data.close()
		return nil, err
	}
	if err := c.start(t, data.vocab); err != nil {
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

// Plan is that of the model, if it has one.
func (t *LMTask) Plan(train func() error) (trainer.Memory, error) {
	if m, ok := t.LM.(planner); ok {
		return m.Plan(train)
	}
	return trainer.Memory{}, nil
}

// Allow is that of the model, if it has one.
func (t *LMTask) Allow(memory int64) {
	if m, ok := t.LM.(planner); ok {
		m.Allow(memory)
	}
}

// largest takes a training step on the largest batch.
func (t *LMTask) largest() error {
	b, err := t.feed.fill(0)
	if err == nil {
		_, _, err = t.Train(b.inputs, b.targets, 0, 0)
	}
	return err
}

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
	m, err := t.measure(ctx)
	if err == nil && finite(m.Loss) {
		m.Samples, err = t.sample(ctx)
	}
	return m, err
}

// measure is Validate without samples.
func (t *LMTask) measure(ctx context.Context) (Metrics, error) {
	return validateLM(ctx, t.LM, t.data.evalWindows, &t.config.Training)
}

// Vocab is the vocabulary.
func (t *LMTask) Vocab() *datasets.Vocab { return t.data.vocab }

// Files are the vocabulary, as the folder of the run holds it.
func (t *LMTask) Files() map[string][]byte { return map[string][]byte{vocabName: t.data.vocab.JSON()} }

// Verify says whether the vocabulary in a folder is that of the task.
func (t *LMTask) Verify(dir string) error { return verifyFiles(dir, t.config) }

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
			d.name, words.Thousands(d.train.Len()), c.Model.unit()+"s", words.Thousands(d.valid.Len()),
			words.Thousands(d.vocab.Len())),
		fmt.Sprintf("model: %s, %s, layers %d, hidden %d%s; %s weights, on %s",
			c.Model.Cell, input, c.Model.Layers, c.Model.Hidden, c.Model.softmaxWords(), words.Thousands(weights), t.Device()),
		fmt.Sprintf("%s: %s an epoch; %s", windows, words.Count(t.Epoch(), "step", "steps"), c.Training.summary()),
	}, d.notes...)
}

package run

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
)

// TaskRegress is the task of a model that gives series a number.
const TaskRegress = "regress"

// RegressionLosses are what NumberModel.Loss may name.
var RegressionLosses = models.RegressionLosses

// NumberModel is what a configuration says of the number that a regressor gives.
type NumberModel struct {
	Loss string `yaml:"loss"` // one of RegressionLosses, of numbers that are scaled

	// What the data say: numbers are scaled by the mean and the deviation of those that the model learns from.
	Mean      float64 `yaml:"mean"`
	Deviation float64 `yaml:"deviation"`
}

type regressKind struct{}

func (regressKind) name() string   { return TaskRegress }
func (regressKind) words() string  { return "a regressor" }
func (regressKind) data() []string { return []string{KindSeries, KindTask} }
func (regressKind) loss(c *Config) string {
	return "loss, " + c.Model.Number.Loss + ", of scaled numbers"
}
func (regressKind) scores() []string { return []string{"rmse", "mae", "r2"} }

func (regressKind) defaults(c *Config) {
	c.Model.Embed, c.Model.Tokens, c.Model.MinFreq, c.Model.Pooling = 0, "", 0, "last"
	c.Model.Series, c.Model.Number = &SeriesModel{}, &NumberModel{Loss: RegressionLosses[0]}
	c.Training.Buckets = 4
}

func (regressKind) check(c *Config) error {
	return c.Model.Series.check(false)
}

func (regressKind) lacks(c *Config) string {
	m := &c.Model
	none := ""
	switch n := m.Number; {
	case m.Series == nil || n == nil:
		none = "a regressor without `series` and `number`"
	case !finite(n.Mean) || !finite(n.Deviation) || n.Deviation <= 0:
		none = fmt.Sprintf("numbers with the mean %g and the deviation %g", n.Mean, n.Deviation)
	}
	return cmp.Or(none, m.lacksVocab(), m.lacksSeries(), c.Data.lacksTrain())
}

func (regressKind) model(c *Config) (architecture, error) { return c.regressorModel(), nil }

func (regressKind) numbers(c *Config, tokens int) float64 { return classifyKind{}.numbers(c, tokens) }

func (regressKind) shared() bool { return true }

func (regressKind) load(c *Config) (Task, error) { return readRegressor(c) }

func (regressKind) evaluate(ctx context.Context, r *Run, e EvalConfig) (*Evaluation, error) {
	return r.evaluateRegressor(ctx, e)
}

func (c *Config) regressorModel() models.RegressorConfig {
	m := &c.Model
	return models.RegressorConfig{
		Input: max(m.Input, 1), Cell: c.cell(), Hidden: m.Hidden, Layers: m.Layers, Bidirectional: m.Bidirectional,
		Dropout: m.Dropout,
		Pooling: m.Pooling, Loss: m.Number.Loss,
	}
}

// newRegressor makes the regressor that the configuration asks for, with fresh weights.
func (c *Config) newRegressor() (*trainer.Regressor, error) {
	return trainer.NewRegressor(trainer.RegressorConfig{Model: c.regressorModel(), Training: c.trainer(),
		Device: c.with.device})
}

// RegressorTask is a regressor that learns the numbers of series.
type RegressorTask struct {
	*trainer.Regressor
	config      *Config
	data, valid *numberedSeries
	notes       []string // of the data
	feed        feed[*numberBatch]
}

// NewRegressor makes a regressor that learns the numbers of series, with fresh weights. It is validated on
// valid or, if that is nil, on a part of the series.
func NewRegressor(c Config, train, valid *series.Cases, opts ...Option) (*RegressorTask, error) {
	raw, other, err := begin(&c, TaskRegress, opts, train, valid, func(x *series.Cases) (*Source, *rawNumbers, error) {
		x = identifiedCases(*x)
		s, err := casesSource(x)
		return s, &rawNumbers{cases: x}, err
	})
	if err != nil {
		return nil, err
	}
	return newRegressorTask(&c, raw, other)
}

// readRegressor reads the data that a configuration names.
func readRegressor(c *Config) (*RegressorTask, error) {
	raw, other, err := readSources(c, func(name string, s *Source) (*rawNumbers,
		error) {
		return readNumbers(name, s, c.Training.Seed)
	})
	if err != nil {
		return nil, err
	}
	return newRegressorTask(c, raw, other)
}

// newRegressorTask divides the data, of which other, to validate on, may be nil, and writes into c what they
// say of the model.
func newRegressorTask(c *Config, raw, other *rawNumbers) (_ *RegressorTask, err error) {
	c.Data.Reading = currentReading
	t := &RegressorTask{config: c, notes: slices.Clone(raw.cases.Notes)}
	learn := raw.toMeasure()
	var valid numbersPart
	if other == nil {
		if learn, valid, err = raw.divide(c); err != nil {
			return nil, err
		}
	} else {
		valid = other.toMeasure()
		t.notes = append(t.notes, other.cases.Notes...)
	}
	if err := learn.labelled(); err != nil {
		return nil, err
	}
	number := *c.Model.Number // not that of the caller
	c.Model.Number = &number
	notes, err := c.fitSeries(learn.cases, learn.which)
	if err != nil {
		return nil, err
	}
	if c.From == nil {
		if number.Mean, number.Deviation, err = learn.moments(); err != nil {
			return nil, err
		}
	}
	if t.data, err = learn.encode(c.accumulated()); err != nil {
		return nil, err
	}
	if t.valid, err = valid.encode(c); err != nil {
		return nil, err
	}
	if err := c.checkSize(max(t.data.longest, t.valid.longest)); err != nil {
		return nil, err
	}
	share := ""
	if other == nil && raw.test == nil {
		share = c.unusualShare(raw.cases.Name, len(learn.which), len(valid.which))
	}
	t.notes = append(t.notes, append(notes, known(c.origin(nil), share, sameData(c.Data.Train, c.Data.Held))...)...)
	t.feed.fill = t.batches()
	if t.Regressor, err = c.newRegressor(); err != nil {
		return nil, err
	}
	if err := c.start(t, nil); err != nil {
		return nil, err
	}
	return t, nil
}

// batches makes the batch of a step.
func (t *RegressorTask) batches() func(step int) (*numberBatch, error) {
	seed := t.config.Training.Seed
	at := t.data.plan.Steps(seed)
	return func(step int) (*numberBatch, error) {
		b := t.data.fill(at(step))
		t.config.Model.Series.addNoise(b.Vectors, seed, step)
		return b, nil
	}
}

// Config implements Task.
func (t *RegressorTask) Config() *Config { return t.config }

// Epoch implements Task.
func (t *RegressorTask) Epoch() int { return t.data.plan.Len() }

// largest takes a training step on the largest batch.
func (t *RegressorTask) largest() error {
	b, err := t.feed.fill(t.data.plan.Largest(t.config.Training.Seed))
	if err == nil {
		_, _, err = t.Train(b.Sequences, b.right, b.weights, 0, 0)
	}
	return err
}

// Step implements Task.
func (t *RegressorTask) Step(before int, rate float64) (loss, norm float64, tokens int, err error) {
	b, err := t.feed.next(before)
	if err != nil {
		return 0, 0, 0, err
	}
	loss, norm, err = t.Train(b.Sequences, b.right, b.weights, before, rate)
	return loss, norm, b.steps, err
}

// Close frees the model.
func (t *RegressorTask) Close() error {
	t.feed.close()
	return t.Regressor.Close()
}

// Validate implements Task.
func (t *RegressorTask) Validate(ctx context.Context) (Metrics, error) {
	return t.valid.validate(ctx, predicting{t.Regressor, t.config.Model.Number})
}

// Describe says what is trained on what.
func (t *RegressorTask) Describe(weights int) []string {
	c := t.config
	return append([]string{
		fmt.Sprintf("training on %s: %s, and %s for validation", t.data.cases.Name,
			words.Count(t.data.plan.Examples(), "example", "examples"), words.Thousands(t.valid.plan.Examples())),
		fmt.Sprintf("model: %s; %s, layers %d, hidden %d%s, pooling %s, loss %s; %s weights, on %s",
			c.Model.Series.describe(), c.Model.Cell, c.Model.Layers,
			c.Model.Hidden, directionWords(c), c.Model.Pooling, c.Model.Number.Loss, words.Thousands(weights), t.Device()),
		fmt.Sprintf("batch %d, lengths %s: %s an epoch; %s",
			c.Training.Batch, sourceLengths(t.data.plan), words.Count(t.Epoch(), "step", "steps"), c.Training.summary()),
	}, t.notes...)
}

// unscaled is a number of the model as one of the data.
func (n *NumberModel) unscaled(x float32) float64 { return n.Mean + n.Deviation*float64(x) }

// scaled is a number of the data as the model learns it.
func (n *NumberModel) scaled(x float64) float32 { return float32((x - n.Mean) / n.Deviation) }

// moments are the mean and the deviation of the numbers to learn.
func (p numbersPart) moments() (mean, deviation float64, err error) {
	var numbers []float64
	for _, i := range p.which {
		numbers = append(numbers, p.cases.Cases[i].Number)
	}
	for _, x := range numbers {
		mean += x / float64(len(numbers))
	}
	squares := 0.0
	for _, x := range numbers {
		squares += (x - mean) * (x - mean) / float64(len(numbers))
	}
	deviation = math.Sqrt(squares)
	if !finite(mean) || !finite(deviation) || deviation <= 1e-12*math.Abs(mean) {
		return 0, 0, badData("%s: the numbers to learn are all %g, or too large to compute with: use other data",
			p.cases.Name, numbers[0])
	}
	return mean, deviation, nil
}

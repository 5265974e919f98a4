package run

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

// BalancedWeights is what Training.ClassWeights says for metrics.BalancedWeights.
const BalancedWeights = "balanced"

// ClassWeights are what Training.ClassWeights may name.
var ClassWeights = []string{"none", BalancedWeights}

// readSources reads data to train on, and to validate on if there are such, and notes in the configuration which
// they are.
func readSources[R raw[P], P any](c *Config, read func(name string, s *Source) (R, error)) (train, valid R, err error) {
	for _, x := range []struct {
		prefix string
		source *Source
		to     *R
	}{{"", c.Data.Train, &train}, {"valid_", c.Data.Held, &valid}} {
		if x.source == nil {
			continue
		}
		if *x.to, err = read("`"+x.prefix+x.source.Kind+"`", x.source); err != nil {
			return train, valid, err
		}
		_, x.source.SHA256 = (*x.to).origin()
		if x.source.Kind != KindTask {
			if x.source.Paths, err = absolute(x.source.Paths); err != nil {
				return train, valid, err
			}
		}
	}
	return train, valid, nil
}

// TaskClassify is the task of a classifier.
const TaskClassify = "classify"

type classifyKind struct{}

func (classifyKind) name() string        { return TaskClassify }
func (classifyKind) words() string       { return "a classifier" }
func (classifyKind) data() []string      { return []string{KindTable, KindFolder, KindIDX, KindSeries} }
func (classifyKind) loss(*Config) string { return "loss, nats per example" }
func (classifyKind) scores() []string    { return []string{"accuracy", "top2", "macro_f1"} }

func (classifyKind) embeddings() []string { return []string{"embedding.weight"} }

func (classifyKind) defaults(c *Config) {
	c.Model.Pooling = "last"
	c.Training.Longest, c.Training.Buckets = 500, 4
}

func (classifyKind) check(c *Config) error {
	if c.Model.Series == nil {
		return nil
	}
	return c.Model.Series.check(false)
}

func (classifyKind) lacks(c *Config) string {
	none := ""
	if c.Model.Classes < 2 {
		none = fmt.Sprintf("%d classes", c.Model.Classes)
	}
	return cmp.Or(c.Model.lacksVocab(), c.Model.lacksSeries(), c.Data.lacksTrain(), none)
}

func (classifyKind) model(c *Config) (architecture, error) { return c.classifierModel(), nil }

func (classifyKind) numbers(c *Config, _ int) float64 {
	directions := 1.0
	if c.Model.Bidirectional {
		directions = 2
	}
	return directions*c.Model.states() + c.Model.width() + float64(c.Model.Classes)
}

func (classifyKind) shared() bool { return true }

func (classifyKind) load(c *Config) (Task, error) { return readClassifier(c) }

func (classifyKind) evaluate(ctx context.Context, r *Run, e EvalConfig) (*Evaluation, error) {
	return r.evaluateClassifier(ctx, e)
}

func (c *Config) classifierModel() models.ClassifierConfig {
	m := &c.Model
	return models.ClassifierConfig{
		Vocab: m.Vocab, Input: m.Input, Embed: m.Embed, Cell: c.cell(), Hidden: m.Hidden, Layers: m.Layers,
		Bidirectional: m.Bidirectional,
		Dropout:       m.Dropout, Pooling: m.Pooling, Classes: m.Classes,
	}
}

// newClassifier makes the classifier that the configuration asks for, with fresh weights.
func (c *Config) newClassifier() (*trainer.Classifier, error) {
	return trainer.NewClassifier(trainer.ClassifierConfig{Model: c.classifierModel(), Training: c.trainer(),
		Device: c.with.device})
}

// begin begins the configuration of a task with data that a program has read already, of which valid, to
// validate on, may be nil.
func begin[D, R any](
	c *Config, task string, opts []Option, train, valid *D, known func(*D) (*Source, *R, error),
) (learn, other *R, err error) {
	if train == nil {
		return nil, nil, errNoData
	}
	if err = c.begin(task, opts); err != nil {
		return nil, nil, err
	}
	c.Data.Train, c.Data.Held = nil, nil
	if c.Data.Train, learn, err = known(train); err != nil || valid == nil {
		return learn, nil, err
	}
	c.Data.Held, other, err = known(valid)
	return learn, other, err
}

// ClassifierTask is a classifier that learns examples.
type ClassifierTask struct {
	*trainer.Classifier
	config      *Config
	vocab       *datasets.Vocab // nil: images
	labels      *datasets.Labels
	data, valid *examples
	notes       []string // of the data
	feed        feed[*classifyBatch]
}

// NewClassifier makes a classifier that learns the texts of a table, with fresh weights. It is validated on
// valid or, if that is nil, on a part of the table.
func NewClassifier(c Config, table, valid *datasets.Table, opts ...Option) (*ClassifierTask, error) {
	raw, other, err := begin(&c, TaskClassify, opts, table, valid, knownTable)
	if err != nil {
		return nil, err
	}
	return newClassifierTask(&c, raw, other)
}

// NewSeriesClassifier makes a classifier that learns series with a label each, with fresh weights. It is
// validated on valid or, if that is nil, on a part of the series. Model.Series says how their values become
// inputs; nil is the zero value.
func NewSeriesClassifier(c Config, train, valid *series.Cases, opts ...Option) (*ClassifierTask, error) {
	raw, other, err := begin(&c, TaskClassify, opts, train, valid, knownCases)
	if err != nil {
		return nil, err
	}
	return newClassifierTask(&c, raw, other)
}

// knownCases are the examples of series that were read already.
func knownCases(x *series.Cases) (*Source, *rawExamples, error) {
	x = identifiedCases(*x)
	s, err := casesSource(x)
	return s, caseExamples(x), err
}

// knownTable are the examples of a table that was read already.
func knownTable(t *datasets.Table) (*Source, *rawExamples, error) {
	t = identifiedTable(*t)
	paths, err := absolute([]string{t.Name})
	return &Source{Kind: KindTable, Paths: paths, SHA256: t.SHA256, Format: t.Format, Column: t.Column},
		tableExamples(t), err
}

// readClassifier reads the data that a configuration names.
func readClassifier(c *Config) (*ClassifierTask, error) {
	raw, other, err := readSources(c, readExamples)
	if err != nil {
		return nil, err
	}
	return newClassifierTask(c, raw, other)
}

// newClassifierTask divides the data, of which other, to validate on, may be nil, and writes into c what they
// say of the model.
func newClassifierTask(c *Config, raw, other *rawExamples) (_ *ClassifierTask, err error) {
	if err := raw.toLearn(); err != nil {
		return nil, err
	}
	c.Data.Reading = currentReading
	t := &ClassifierTask{config: c, notes: slices.Clone(raw.notes)}
	learn := raw.all()
	var valid part
	if other == nil {
		if learn, valid, err = raw.divide(c); err != nil {
			return nil, err
		}
	} else {
		valid = other.toMeasure()
		t.notes = append(t.notes, other.notes...)
	}
	if t.labels, err = raw.data.labels(); err != nil {
		return nil, err
	}
	t.labels = c.labels(t.labels)
	c.Model.Classes, c.Model.LabelsSHA256 = t.labels.Len(), sha256Hex(t.labels.JSON())
	var notes []string
	if t.vocab, notes, err = raw.data.fit(c, learn.which); err != nil {
		return nil, err
	}
	t.notes = append(t.notes, notes...)
	if t.data, err = learn.encode(c.accumulated(), t.vocab, t.labels); err != nil {
		return nil, err
	}
	if t.valid, err = valid.encode(c, t.vocab, t.labels); err != nil {
		return nil, err
	}
	if err := c.checkSize(t.data.longest); err != nil {
		return nil, err
	}
	if c.Training.ClassWeights == BalancedWeights {
		t.data.weights = metrics.BalancedWeights(t.data.perClass(t.labels.Len()))
	}
	share := ""
	if other == nil && raw.test == nil {
		share = c.unusualShare(raw.name, len(learn.which), len(valid.which))
	}
	t.notes = append(t.notes, known(c.origin(t.labels), share, raw.singles(t.labels),
		sameData(c.Data.Train, c.Data.Held), t.valid.unknownLabels(t.labels),
		UnknownWords("training examples", t.data.known), UnknownWords("validation examples", t.valid.known))...)
	t.feed.fill = t.batches()
	if t.Classifier, err = c.newClassifier(); err != nil {
		return nil, err
	}
	if err := c.start(t, t.labels); err != nil {
		return nil, err
	}
	return t, nil
}

// batches makes the batch of a step.
func (t *ClassifierTask) batches() func(step int) (*classifyBatch, error) {
	seed := t.config.Training.Seed
	fill := planned(t.data.plan, seed, t.data.fill)
	return func(step int) (*classifyBatch, error) {
		b, err := fill(step)
		if err == nil {
			t.config.Model.Series.addNoise(b.Vectors, seed, step)
		}
		return b, err
	}
}

// Config implements Task.
func (t *ClassifierTask) Config() *Config { return t.config }

// Epoch implements Task.
func (t *ClassifierTask) Epoch() int { return t.data.plan.Len() }

// largest takes a training step on the largest batch.
func (t *ClassifierTask) largest() error {
	b, err := t.feed.fill(t.data.plan.Largest(t.config.Training.Seed))
	if err == nil {
		_, _, err = t.Train(b.Sequences, b.classes, b.weights, 0, 0)
	}
	return err
}

// Step implements Task.
func (t *ClassifierTask) Step(before int, rate float64) (loss, norm float64, tokens int, err error) {
	b, err := t.feed.next(before)
	if err != nil {
		return 0, 0, 0, err
	}
	loss, norm, err = t.Train(b.Sequences, b.classes, b.weights, before, rate)
	return loss, norm, b.steps, err
}

// Close frees the model.
func (t *ClassifierTask) Close() error {
	t.feed.close()
	return t.Classifier.Close()
}

// Validate implements Task.
func (t *ClassifierTask) Validate(ctx context.Context) (Metrics, error) {
	m, err := t.measure(ctx)
	if err == nil && finite(m.Loss) {
		m.Samples, err = t.valid.samples(ctx, t.Classifier, t.labels, validSamples)
	}
	return m, err
}

// measure is Validate without samples.
func (t *ClassifierTask) measure(ctx context.Context) (Metrics, error) {
	m, _, err := t.valid.validate(ctx, trainer.Classifiers{t.Classifier})
	return m, err
}

// Files are the labels and the vocabulary, as the folder of the run holds them.
func (t *ClassifierTask) Files() map[string][]byte {
	files := map[string][]byte{labelsName: t.labels.JSON()}
	if t.vocab != nil {
		files[vocabName] = t.vocab.JSON()
	}
	return files
}

// Verify says whether those in a folder are those of the task.
func (t *ClassifierTask) Verify(dir string) error { return verifyFiles(dir, t.config) }

// Describe says what is trained on what.
func (t *ClassifierTask) Describe(weights int) []string {
	c := t.config
	input := fmt.Sprintf("images of %s of %d", words.Count(t.data.longest, "row", "rows"), c.Model.Input)
	if c.Model.Series != nil {
		input = c.Model.Series.describe()
	}
	if t.vocab != nil {
		input = fmt.Sprintf("%s, %s different ones, embedding %d", c.Model.tokenKinds(),
			words.Thousands(t.vocab.Len()), c.Model.Embed)
		if c.Model.Embed == 0 {
			input = strings.Replace(input, "embedding 0", "one-hot", 1)
		}
	}
	lines := []string{
		fmt.Sprintf("training on %s: %s of %d classes, and %s for validation", t.data.name,
			words.Count(t.data.plan.Examples(), "example", "examples"), t.labels.Len(),
			words.Thousands(t.valid.plan.Examples())),
		fmt.Sprintf("model: %s; %s, layers %d, hidden %d%s, pooling %s; %s weights, on %s", input, c.Model.Cell,
			c.Model.Layers, c.Model.Hidden, directionWords(c), c.Model.Pooling, words.Thousands(weights), t.Device()),
		fmt.Sprintf("batch %d, lengths %s: %s an epoch; %s",
			c.Training.Batch, sourceLengths(t.data.plan), words.Count(t.Epoch(), "step", "steps"), c.Training.summary()),
	}
	if t.data.cut > 0 {
		lines = append(lines, fmt.Sprintf("%s longer than %s, of which the first are read: see `longest`",
			words.Count(t.data.cut, "example is", "examples are"), words.Count(c.Training.Longest, "token", "tokens")))
	}
	return append(lines, t.notes...)
}

func directionWords(c *Config) string {
	if c.Model.Bidirectional {
		return " in both directions"
	}
	return ""
}

// sourceLengths lists the lengths of a plan's batches.
func sourceLengths(p *batches.Plan) string {
	var lengths []string
	for _, s := range p.Shapes() {
		lengths = append(lengths, words.Thousands(s.Source))
	}
	return strings.Join(lengths, ", ")
}

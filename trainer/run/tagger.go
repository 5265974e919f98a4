package run

import (
	"cmp"
	"context"
	"fmt"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

// TaggerTask is a tagger that learns sentences.
type TaggerTask struct {
	*trainer.Tagger
	config      *Config
	lexicon     *lexicon
	labels      *datasets.Labels
	data, valid *tagged
	notes       []string // of the data
	feed        feed[*taggedBatch]
}

// NewTagger makes a tagger that learns sentences, with fresh weights. It is validated on valid or, if that is nil, on a
// part of the sentences.
func NewTagger(c Config, train, valid *datasets.Tagged, opts ...Option) (*TaggerTask, error) {
	raw, other, err := begin(&c, TaskTag, opts, train, valid, knownTagged)
	if err != nil {
		return nil, err
	}
	return newTaggerTask(&c, raw, other)
}

// knownTagged are sentences that were read already.
func knownTagged(t *datasets.Tagged) (*Source, *rawTagged, error) {
	kind := KindColumns
	if len(t.Format.Columns) > 0 && t.Format.Columns[0] == "FORM" {
		kind = KindConllu
	}
	own := *t
	own.Name = cmp.Or(own.Name, inMemory)
	paths, err := absolute([]string{own.Name})
	return &Source{Kind: kind, Paths: paths, SHA256: t.SHA256, Format: t.Format}, &rawTagged{Tagged: &own}, err
}

// readTagger reads the data that a configuration names.
func readTagger(c *Config) (*TaggerTask, error) {
	raw, other, err := readSources(c, func(name string, s *Source) (*rawTagged, error) {
		return readTagged(name, s, c.Training.Seed)
	})
	if err != nil {
		return nil, err
	}
	return newTaggerTask(c, raw, other)
}

// newTaggerTask divides the data, of which other, to validate on, may be nil, and writes into c what they say of the
// model.
func newTaggerTask(c *Config, raw, other *rawTagged) (_ *TaggerTask, err error) {
	own := *c.Model.Tag // not that of others who have the same configuration
	c.Data.Reading, c.Model.Tag = currentReading, &own
	t := &TaggerTask{config: c, notes: raw.notes()}
	learn := raw.toMeasure()
	var valid taggedPart
	if other == nil {
		if learn, valid, err = raw.divide(c); err != nil {
			return nil, err
		}
	} else {
		valid = other.toMeasure()
		t.notes = append(t.notes, other.notes()...)
	}
	if t.labels, err = learn.Labels(); err != nil {
		return nil, err
	}
	t.labels = c.labels(t.labels)
	c.Model.Classes, c.Model.LabelsSHA256 = t.labels.Len(), sha256Hex(t.labels.JSON())
	if b := c.with.from; b != nil {
		t.lexicon = b.run.lexicon()
		t.lexicon.model = c.Model.Tag
	} else if err := t.build(learn); err != nil {
		return nil, err
	}
	if t.data, err = learn.encode(c.accumulated(), t.lexicon, t.labels, c.Training.Longest); err != nil {
		return nil, err
	}
	if t.valid, err = valid.encode(c, t.lexicon, t.labels, 0); err != nil {
		return nil, err
	}
	if err := c.checkSize(max(t.data.longest, t.valid.longest)); err != nil {
		return nil, err
	}
	share := ""
	if other == nil && raw.test == nil {
		share = c.unusualShare(raw.Name, len(learn.which), len(valid.which))
	}
	t.notes = append(t.notes, known(c.origin(t.labels), share, sameData(c.Data.Train, c.Data.Held), t.noSpans(),
		t.valid.strangeTags(), t.valid.unknownForms())...)
	t.feed.fill = t.batches()
	if t.Tagger, err = c.newTagger(); err != nil {
		return nil, err
	}
	if err := c.start(t, t.labels); err != nil {
		return nil, err
	}
	return t, nil
}

// build makes the vocabularies of words to learn from, and reads the vectors that the embedding begins with.
func (t *TaggerTask) build(learn taggedPart) (err error) {
	c := t.config
	if t.lexicon, err = newLexicon(c, learn.words(), learn.Name); err != nil {
		return err
	}
	vectors, err := c.readVectors(c.sourceVectors(), t.lexicon.words, mapped(learn.words(), c.Model.Tag.key))
	t.notes = append(t.notes, vectors...)
	return err
}

// batches makes the batch of a step.
func (t *TaggerTask) batches() func(step int) (*taggedBatch, error) {
	seed := t.config.Training.Seed
	at, forget := t.data.plan.Steps(seed), newForgetting(t.config, t.data)
	return func(step int) (*taggedBatch, error) {
		return t.data.fill(at(step), t.config.Training.Accumulate, forget.at(seed, step)), nil
	}
}

// noSpans says that tags mark spans but for one, so that spans are not measured.
func (t *TaggerTask) noSpans() string {
	var names []string
	for class := range int32(t.labels.Len()) {
		names = append(names, t.labels.Name(class))
	}
	_, other := metrics.MarkChunks(names)
	if other == "" {
		return ""
	}
	return fmt.Sprintf("most tags mark spans, as B-X, I-X and O do, and %q does not: spans are not measured", other)
}

// Config implements Task.
func (t *TaggerTask) Config() *Config { return t.config }

// Epoch implements Task.
func (t *TaggerTask) Epoch() int { return t.data.plan.Len() }

// largest takes a training step on the largest batch.
func (t *TaggerTask) largest() error {
	b, err := t.feed.fill(t.data.plan.Largest(t.config.Training.Seed))
	if err == nil {
		_, _, err = t.Train(0, 0, b.parts...)
	}
	return err
}

// Step implements Task.
func (t *TaggerTask) Step(before int, rate float64) (loss, norm float64, tokens int, err error) {
	b, err := t.feed.next(before)
	if err != nil {
		return 0, 0, 0, err
	}
	loss, norm, err = t.Train(before, rate, b.parts...)
	return loss, norm, b.words, err
}

// Close frees the model.
func (t *TaggerTask) Close() error {
	t.feed.close()
	return t.Tagger.Close()
}

// Validate implements Task.
func (t *TaggerTask) Validate(ctx context.Context) (Metrics, error) {
	measured, err := t.measure(ctx)
	if err == nil {
		measured.Samples, err = t.valid.samples(ctx, t.Tagger, validSamples)
	}
	return measured, err
}

// measure is Validate without samples.
func (t *TaggerTask) measure(ctx context.Context) (Metrics, error) {
	m, _, err := t.valid.validate(ctx, t.Tagger)
	return m, err
}

// Files are the tags and the vocabularies, as the folder of the run holds them.
func (t *TaggerTask) Files() map[string][]byte {
	files := t.lexicon.files()
	files[labelsName] = t.labels.JSON()
	return files
}

// Verify says whether those in a folder are those of the task.
func (t *TaggerTask) Verify(dir string) error { return verifyFiles(dir, t.config) }

// Describe says what is trained on what.
func (t *TaggerTask) Describe(weights int) []string {
	c, m := t.config, t.config.Model.Tag
	input := fmt.Sprintf("%s words, embedding %d", words.Thousands(c.Model.Vocab), c.Model.Embed)
	if t.lexicon.chars != nil {
		input += fmt.Sprintf("; %d characters, embedding %d, hidden %d in both directions",
			m.Chars, m.CharEmbed, m.CharHidden)
	}
	top := "softmax"
	if m.CRF {
		top = "CRF"
	}
	lines := []string{
		fmt.Sprintf("training on %s: %s sentences with %d different tags, and %s sentences for validation", t.data.name,
			words.Thousands(t.data.plan.Examples()), t.labels.Len(), words.Thousands(t.valid.plan.Examples())),
		fmt.Sprintf("model: %s; %s, layers %d, hidden %d%s; %s; %s weights, on %s", input,
			c.Model.Cell, c.Model.Layers, c.Model.Hidden,
			directionWords(c), top, words.Thousands(weights), t.Device()),
		fmt.Sprintf("batch %d, lengths %s: %s an epoch; %s",
			c.Training.Batch, sourceLengths(t.data.plan), words.Count(t.Epoch(), "step", "steps"),
			c.Training.summary()),
	}
	if t.data.cut > 0 {
		lines = append(lines, fmt.Sprintf("%s longer than %s words, of which the first are learned: see `longest`",
			words.Count(t.data.cut, "sentence is", "sentences are"), words.Thousands(c.Training.Longest)))
	}
	return append(lines, t.notes...)
}

// evaluateTagger measures a tagger.
func (r *Run) evaluateTagger(ctx context.Context, e EvalConfig) (*Evaluation, error) {
	p, split, err := toEvaluate(r, e, func(name string, s *Source) (*rawTagged, error) {
		return readTagged(name, s, r.config.Training.Seed)
	})
	if err != nil {
		return nil, err
	}
	x, err := p.encode(r.config, r.lexicon(), r.labels, 0)
	if err != nil {
		return nil, err
	}
	if err := r.config.checkSize(x.longest); err != nil {
		return nil, badData("%s: %v", x.name, err)
	}
	v := &Evaluation{Name: p.Name, Split: split, What: whichPart(p.Name, split, r.config), Unit: "word",
		Count: "sentences", NoLabel: x.strange}
	v.Notes = append(p.notes(), known(x.strangeTags(), r.learnedFrom(p.SHA256, split))...)
	m, err := r.tagger(v)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	v.Labels = r.labels
	return v.time(func() (measured Metrics, err error) {
		measured, v.Confusion, err = x.validate(ctx, m)
		return measured, err
	})
}

// tagger makes the tagger of the run: see lm.
func (r *Run) tagger(v *Evaluation) (*trainer.Tagger, error) {
	if err := r.fits(); err != nil {
		return nil, err
	}
	m, err := r.config.newTagger()
	if err != nil {
		return nil, err
	}
	return m, r.loadFor(m, v)
}

package run

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/internal/translate"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
)

// TaskSeq2Seq is the task of a sequence-to-sequence model.
const TaskSeq2Seq = "seq2seq"

type seq2seqKind struct{}

func (seq2seqKind) name() string   { return TaskSeq2Seq }
func (seq2seqKind) words() string  { return "a sequence-to-sequence model" }
func (seq2seqKind) data() []string { return []string{KindPairs, KindParallel, KindTask} }

func (seq2seqKind) embeddings() []string {
	return []string{"encoder.embedding.weight", "decoder.embedding.weight"}
}

func (seq2seqKind) loss(*Config) string { return "loss, nats per token" }
func (seq2seqKind) scores() []string {
	return append(lmKind{}.scores(), "exact_match", "char_error_rate", "bleu", "chrf")
}

func (seq2seqKind) defaults(c *Config) {
	c.Model.Attention = "additive"
	t := &c.Training
	t.Batch, t.Longest, t.Buckets = 64, 200, 4
	t.TeacherForcing, t.TeacherDecay, t.ValidPairs = 1, NoDecay, ValidPairs
}

func (seq2seqKind) check(c *Config) error {
	t := &c.Training
	if err := t.checkTeaching(); err != nil {
		return err
	}
	learner := trainer.Seq2SeqConfig{TeacherForcing: t.TeacherForcing, Training: c.trainer()}
	return c.ownWords(learner.Check())
}

// checkTeaching says what is wrong with how teacher forcing decays.
func (t *Training) checkTeaching() error {
	switch {
	case t.TeacherDecay != NoDecay && t.TeacherSteps < 1:
		return settings("`teacher_decay` %s needs `teacher_steps`, at least 1: after how many steps teacher "+
			"forcing is half of what it was",
			t.TeacherDecay)
	case t.TeacherDecay == NoDecay && t.TeacherSteps != 0:
		return settings("`teacher_steps` says how fast teacher forcing decays, and `teacher_decay` is none: leave " +
			"it out, or choose one")
	}
	return nil
}

func (seq2seqKind) lacks(c *Config) string {
	none := ""
	if c.Model.TargetVocab < 1 {
		none = fmt.Sprintf("a target vocabulary of %d", c.Model.TargetVocab)
	}
	return cmp.Or(c.Model.lacksVocab(), c.Data.lacksTrain(), none)
}

func (seq2seqKind) model(c *Config) (architecture, error) { return c.seq2seqModel() }

func (seq2seqKind) numbers(c *Config, tokens int) float64 {
	m := &c.Model
	// two directions, and the decoder
	return 3*m.states() + float64(m.Embed) + float64(m.TargetVocab) + float64(tokens)*float64(m.Hidden)
}

func (seq2seqKind) shared() bool { return true }

func (seq2seqKind) load(c *Config) (Task, error) { return readSeq2Seq(c) }

func (seq2seqKind) evaluate(ctx context.Context, r *Run, e EvalConfig) (*Evaluation, error) {
	return r.evaluateSeq2Seq(ctx, e)
}

func (c *Config) seq2seqModel() (models.Seq2SeqConfig, error) {
	m := &c.Model
	attention, err := c.attention()
	return models.Seq2SeqConfig{
		Source: m.Vocab, Target: m.TargetVocab,
		Tokens: models.DefaultTokens,
		Cell:   c.cell(), Embed: m.Embed, Hidden: m.Hidden, Layers: m.Layers, Bidirectional: m.Bidirectional,
		Dropout:   m.Dropout,
		Attention: attention, Before: m.Before, EveryStep: m.EveryStep, Feeding: m.Feeding, Tied: m.Tied,
		Smoothing: c.Training.Smoothing,
		Softmax:   m.softmax(),
	}, err
}

// newSeq2Seq makes the sequence-to-sequence model that the configuration asks for, with fresh weights.
func (c *Config) newSeq2Seq() (*trainer.Seq2Seq, error) {
	model, err := c.seq2seqModel()
	if err != nil {
		return nil, err
	}
	return trainer.NewSeq2Seq(trainer.Seq2SeqConfig{
		Model: model, TeacherForcing: c.Training.TeacherForcing, TeacherDecay: c.Training.teacherDecay(),
		Training: c.trainer(), Device: c.with.device,
	})
}

// ValidPairs is how many validation pairs are translated, at most, whenever a model is validated, unless
// Training.ValidPairs says otherwise.
const ValidPairs = 200

// Seq2SeqTask is a sequence-to-sequence model that learns pairs.
type Seq2SeqTask struct {
	*trainer.Seq2Seq
	config         *Config
	source, target *datasets.Vocab
	data, valid    *translations
	notes          []string // of the data
	feed           feed[*seq2seqBatch]
	translator     *translate.Translator
}

// NewSeq2Seq makes a sequence-to-sequence model that learns pairs, with fresh weights. It is validated on valid
// or, if that is nil, on a part of the pairs. Close closes the pairs.
func NewSeq2Seq(c Config, pairs, valid *datasets.Pairs, opts ...Option) (*Seq2SeqTask, error) {
	raw, other, err := begin(&c, TaskSeq2Seq, opts, pairs, valid, knownPairs)
	if err != nil {
		return nil, err
	}
	return newSeq2SeqTask(&c, raw, other)
}

// knownPairs are pairs that were read already.
func knownPairs(p *datasets.Pairs) (*Source, *rawPairs, error) {
	name := cmp.Or(p.Name, inMemory)
	paths, err := absolute([]string{name})
	s := &Source{Kind: KindPairs, Paths: paths, SHA256: p.SHA256, Format: p.Format, Column: p.Column}
	return s, &rawPairs{name: name, sha256: p.SHA256, pairs: p}, err
}

// readSeq2Seq reads the data that a configuration names.
func readSeq2Seq(c *Config) (*Seq2SeqTask, error) {
	raw, other, err := readSources(c, func(name string, s *Source) (*rawPairs,
		error) {
		return readPairs(name, s, c.Training.Seed)
	})
	if err != nil {
		return nil, err
	}
	return newSeq2SeqTask(c, raw, other)
}

// newSeq2SeqTask divides the data, of which other, to validate on, may be nil, and writes into c what they say
// of the model.
func newSeq2SeqTask(c *Config, raw, other *rawPairs) (_ *Seq2SeqTask, err error) {
	c.Data.Reading = currentReading
	t := &Seq2SeqTask{config: c, notes: raw.notes()}
	learn := raw.all()
	var valid pairsPart
	if other == nil {
		if learn, valid, err = raw.divide(c); err != nil {
			return nil, err
		}
	} else {
		valid = other.all()
		t.notes = append(t.notes, other.notes()...)
	}
	var lost spaces
	if t.source, t.target = c.vocabs(); t.source == nil {
		if t.source, err = learn.vocab(c, &lost, sourceSide); err != nil {
			return nil, err
		}
		if t.target, err = learn.vocab(c, &lost, targetSide); err != nil {
			return nil, err
		}
	}
	for _, v := range []*datasets.Vocab{t.source, t.target} {
		if err := c.Model.checkVocabSize(v, 1, learn.pairs.Name); err != nil {
			return nil, err
		}
	}
	c.Model.Vocab, c.Model.VocabSHA256 = t.source.Len(), sha256Hex(t.source.JSON())
	c.Model.TargetVocab, c.Model.TargetSHA256 = t.target.Len(), sha256Hex(t.target.JSON())
	vectors, err := learn.vectors(c, t.source, t.target)
	if err != nil {
		return nil, err
	}
	t.notes = append(t.notes, vectors...)
	if err := t.encode(learn, valid); err != nil {
		return nil, err
	}
	if err := t.completeSoftmax(learn); err != nil {
		return nil, err
	}
	if err := c.checkSize(max(t.data.longest, t.valid.longest)); err != nil {
		return nil, err
	}
	share := ""
	if other == nil && raw.test == nil {
		share = c.unusualShare(raw.name, len(learn.which), len(valid.which))
	}
	t.notes = append(t.notes, known(c.origin(t.source), share, sameData(c.Data.Train, c.Data.Held), lost.note())...)
	if err := t.noteUnknown(); err != nil {
		return nil, err
	}
	c.Model.Lengths = &t.data.lengths
	if err := t.checkBest(); err != nil {
		return nil, err
	}
	t.feed.fill = planned(t.data.plan, c.Training.Seed, t.batch)
	if t.Seq2Seq, err = c.newSeq2Seq(); err != nil {
		return nil, err
	}
	if err := c.start(t, t.source); err != nil {
		return nil, err
	}
	t.translator = c.translator(t.Seq2Seq, t.source, t.target)
	return t, nil
}

// checkBest says whether the measure by which the best checkpoint is chosen can be had of the data.
func (t *Seq2SeqTask) checkBest() error {
	c := &t.config.Training
	if c.Best != "bleu" {
		return nil
	}
	ok, err := t.valid.sample(c.ValidPairs).definesBLEU(t.target, c.Tokenize)
	if err != nil || ok {
		return err
	}
	return settings("`best` is bleu, and that is undefined for these data: the validation targets have fewer than " +
		"4 words; choose chrf or exact_match, or another way to cut them with `bleu_tokenize`, such as char")
}

// noteUnknown says how much of the pairs is unknown, and why it may be.
func (t *Seq2SeqTask) noteUnknown() error {
	hints, err := t.valid.hints(t.source, t.target)
	t.notes = slices.Concat(t.notes, t.data.unknownWords("in training"), t.valid.unknownWords("in validation"), hints)
	return err
}

// completeSoftmax is Config.completeSoftmax with the targets to learn from.
func (t *Seq2SeqTask) completeSoftmax(learn pairsPart) error {
	c, mean := t.config, t.data.counts.Tokens[1]/max(t.data.plan.Examples(), 1)+1
	return c.completeSoftmax(t.target.Len(), c.Training.Batch*mean, func() ([]int, error) {
		counts := make([]int, t.target.Len())
		for _, i := range learn.which {
			tokens, err := t.data.encoded.Target(i)
			if err != nil {
				return nil, err
			}
			for _, token := range tokens {
				counts[token]++
			}
		}
		return counts, nil
	})
}

// encode makes batches of the pairs to train on and of those to validate on.
func (t *Seq2SeqTask) encode(learn, valid pairsPart) error {
	encoded, err := batches.NewSeq2Seq(learn.pairs, t.source, t.target, t.config.tokenFiles(trainTokens))
	if err != nil {
		return err
	}
	if t.data, err = learn.encode(t.config.accumulated(), encoded, t.config.Training.Longest); err != nil {
		return err
	}
	if valid.pairs != learn.pairs {
		if encoded, err = batches.NewSeq2Seq(valid.pairs, t.source, t.target, t.config.tokenFiles(validTokens)); err != nil {
			return err
		}
	}
	t.valid, err = valid.encode(t.config, encoded, 0)
	return err
}

// Config implements Task.
func (t *Seq2SeqTask) Config() *Config { return t.config }

// Epoch implements Task.
func (t *Seq2SeqTask) Epoch() int { return t.data.plan.Len() }

// largest takes a training step on the largest batch.
func (t *Seq2SeqTask) largest() error {
	b, err := t.feed.fill(t.data.plan.Largest(t.config.Training.Seed))
	if err == nil {
		_, _, err = t.Train(b.Translations, 0, 0)
	}
	return err
}

// batch makes a batch of which only the rows are encoded that this process computes: those of others are as if their
// pairs were missing. A softmax that is not full looks at all targets of a batch.
func (t *Seq2SeqTask) batch(g batches.Group) (*seq2seqBatch, error) {
	if m := &t.config.Model; len(m.Cutoffs) > 0 || m.Samples > 0 {
		return t.data.fill(g)
	}
	b, err := t.data.fill(ownRows(g, worldOf(t)))
	if err == nil {
		b.tokens = t.data.tokens(g)
	}
	return b, err
}

// Step implements Task.
func (t *Seq2SeqTask) Step(before int, rate float64) (loss, norm float64, tokens int, err error) {
	b, err := t.feed.next(before)
	if err != nil {
		return 0, 0, 0, err
	}
	loss, norm, err = t.Train(b.Translations, before, rate)
	return loss, norm, b.tokens, err
}

// Close frees the model and closes the pairs.
func (t *Seq2SeqTask) Close() error {
	t.feed.close()
	for _, x := range []*translations{t.data, t.valid} {
		x.encoded.Close() // what it closes was only read
		if err := x.pairs.Close(); err != nil {
			return err
		}
	}
	return t.Seq2Seq.Close()
}

// Validate implements Task. It also translates some of the pairs.
func (t *Seq2SeqTask) Validate(ctx context.Context) (Metrics, error) {
	m, err := t.measure(ctx)
	if err != nil {
		return m, err
	}
	x, err := t.Translated(ctx, t.config.Training.ValidPairs)
	if err != nil {
		return m, err
	}
	m.Samples = x.Samples(validSamples)
	return m, m.add(x, t.target, t.config.Training.Tokenize)
}

// measure is Validate without translations.
func (t *Seq2SeqTask) measure(ctx context.Context) (Metrics, error) {
	return t.valid.validate(ctx, t.Seq2Seq)
}

// Translated translates n of the validation pairs, evenly spread.
func (t *Seq2SeqTask) Translated(ctx context.Context, n int) (*TranslatedPairs, error) {
	o, err := t.config.limited(translate.Options{})
	if err != nil {
		return nil, err
	}
	if err := setting.AtLeast("n", n, 0); err != nil {
		return nil, err
	}
	return t.valid.sample(n).translated(ctx, t.translator, o, false)
}

// Files are the vocabularies, as the folder of the run holds them.
func (t *Seq2SeqTask) Files() map[string][]byte {
	return map[string][]byte{vocabName: t.source.JSON(), targetName: t.target.JSON()}
}

// Verify says whether those in a folder are those of the task.
func (t *Seq2SeqTask) Verify(dir string) error { return verifyFiles(dir, t.config) }

// Describe says what is trained on what.
func (t *Seq2SeqTask) Describe(weights int) []string {
	c := t.config
	var extras []string
	for _, x := range []struct {
		on   bool
		name string
	}{{c.Model.Before, " before the cell"}, {c.Model.EveryStep, ", the source at every step"},
		{c.Model.Feeding, ", input feeding"}, {c.Model.Tied, ", tied"}, {true, c.Model.softmaxWords()}} {
		if x.on {
			extras = append(extras, x.name)
		}
	}
	lines := []string{
		fmt.Sprintf("training on %s: %s, and %s for validation", t.data.name,
			words.Count(t.data.plan.Examples(), "pair", "pairs"), words.Thousands(t.valid.plan.Examples())),
		fmt.Sprintf("model: %s, %s different ones of sources and %s of targets, embedding %d; %s, layers %d, "+
			"hidden %d%s, attention %s%s; %s weights, on %s",
			c.Model.tokenKinds(), words.Thousands(t.source.Len()), words.Thousands(t.target.Len()), c.Model.Embed,
			c.Model.Cell, c.Model.Layers, c.Model.Hidden, directionWords(c),
			c.Model.Attention, strings.Join(extras, ""), words.Thousands(weights), t.Device()),
		fmt.Sprintf("batch %d, lengths %s: %s an epoch; %s",
			c.Training.Batch, pairLengths(t.data.plan), words.Count(t.Epoch(), "step", "steps"), c.Training.summary()),
	}
	if n := t.data.plan.TooLong; n > 0 {
		lines = append(lines, fmt.Sprintf("%s longer than %s and left out: see `longest`",
			words.Count(n, "pair is", "pairs are"), words.Count(c.Training.Longest, "token", "tokens")))
	}
	return append(lines, t.notes...)
}

// pairLengths lists the lengths of a plan's batches: of sources and of targets.
func pairLengths(p *batches.Plan) string {
	var lengths []string
	for _, s := range p.Shapes() {
		lengths = append(lengths, fmt.Sprintf("%d+%d", s.Source, s.Target))
	}
	return strings.Join(lengths, ", ")
}

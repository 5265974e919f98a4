package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/batches"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
)

// noAttention is what --attention names besides models.Attentions.
const noAttention = "none"

var attentions = append([]string{noAttention}, models.Attentions...)

// trainSeq2SeqCmd trains a sequence-to-sequence model.
type trainSeq2SeqCmd struct {
	Data  pairsFlags `embed:"" group:"Data:" set:"use=Train on"`
	Task  string     `group:"Data:" placeholder:"NAME" help:"Train on a task of which unroll makes the data: ${tasks}. ${demoTask} if no data are named, which is the demo."`
	Valid pairsFlags `embed:"" prefix:"valid-" group:"Data:" set:"use=Measure on"`
	skipFlags

	holdOutFlags

	Tokens           string `group:"Model:" enum:"${tokenKinds}" default:"char" help:"What texts are cut into: ${enum}."`
	MinFreq          int    `group:"Model:" default:"1" help:"Tokens that occur less often are unknown."`
	MaxVocab         int    `group:"Model:" default:"0" help:"The most different tokens of sources, and of targets; 0: any number, for bpe ${bpe}."`
	Attention        string `group:"Model:" enum:"${attentions}" default:"additive" help:"How the decoder looks at the source: ${enum}."`
	AttentionBefore  bool   `group:"Model:" help:"The attention looks before the cell moves, as Bahdanau et al. (2015) have it, not after it, as Luong et al. (2015)."`
	ContextEveryStep bool   `group:"Model:" help:"Without attention: every step of the decoder sees the source as one vector, as Cho et al. (2014) have it, not only the first."`
	InputFeeding     bool   `group:"Model:" help:"The decoder sees what its attention found in the step before."`
	cellFlags        `embed:"" group:"Model:" set:"cell=gru"`
	Hidden           int     `group:"Model:" default:"128" help:"Units of a layer in one direction."`
	Layers           int     `group:"Model:" default:"1" help:"Layers of the encoder, and of the decoder."`
	Embed            int     `group:"Model:" default:"32" help:"Width of the embedding of a token."`
	Bidirectional    bool    `group:"Model:" help:"Read sources from both ends."`
	Tie              bool    `group:"Model:" help:"The output's weights are the embedding's."`
	Dropout          float64 `group:"Model:" default:"0" help:"Probability with which an input of a layer is dropped in training."`

	Batch          int     `group:"Training:" default:"64" help:"Pairs in a step."`
	Longest        int     `group:"Training:" default:"200" help:"Pairs with more tokens in the source or in the target are left out of training."`
	Buckets        int     `group:"Training:" default:"4" help:"Different lengths of batches, at most: more of them are less padding and more programs."`
	TeacherForcing float64 `group:"Training:" default:"1" help:"Probability with which the decoder reads the target's token in training, and not its own."`
	TeacherDecay   string  `group:"Training:" enum:"${teacherDecays}" default:"none" help:"How that probability falls while the model learns: ${enum}."`
	TeacherSteps   int     `group:"Training:" placeholder:"N" default:"0" help:"Steps after which it is half of what it was."`
	LabelSmoothing float64 `group:"Training:" default:"0" help:"Part of the probability that the loss wants spread over all tokens."`

	ValidTranslate int `group:"Running:" placeholder:"N" default:"${translated}" help:"Translate so many of the held-out pairs, at most, whenever they are measured. Default: ${default}."`

	trainFlags `kong:"embed,set='task=seq2seq',set='data=pairs',set='is=are',set='seedNote=, of the order of the pairs, of what is held out and of all that is drawn',set='epochsNote=; in the demo ${demoEpochs}',set='validNote='"`
}

// The demo: what is trained without data.
const (
	demoTask   = "dates"
	demoEpochs = 8
)

func (t *trainSeq2SeqCmd) Run(a *app) error {
	if err := t.check(); err != nil {
		return err
	}
	train, err := oneSource("", append(t.Data.sources(), sourceConfig{Kind: kindTask, Paths: []string{t.Task}})...)
	if err != nil {
		return err
	}
	held, err := oneSource("valid-", t.Valid.sources()...)
	switch {
	case err != nil:
		return err
	case t.Data.incomplete():
		return usage("--src and --tgt name two files that belong together: give both")
	case t.Valid.incomplete():
		return usage("--valid-src and --valid-tgt name two files that belong together: give both")
	case train == nil && held != nil:
		return usage("--valid-%s is to measure on, and nothing is there to train on: name data with --pairs, with --src and --tgt, or with --task", held.Kind)
	case train != nil && train.Kind == kindTask && !slices.Contains(tasks.Tasks, t.Task):
		return usage("--task is %q: it must be one of %s", t.Task, strings.Join(tasks.Tasks, ", "))
	}
	t.mark(train, held)
	c := t.trainFlags.config(taskSeq2Seq)
	if train == nil {
		train = &sourceConfig{Kind: kindTask, Paths: []string{demoTask}}
		if !t.limited() {
			c.Training.Epochs = demoEpochs
		}
	}
	c.Model = modelConfig{
		Hidden: t.Hidden, Layers: t.Layers, Embed: t.Embed, Tokens: t.Tokens, MinFreq: t.MinFreq, MaxVocab: t.MaxVocab,
		Bidirectional: t.Bidirectional, Dropout: t.Dropout, Attention: t.Attention, Feeding: t.InputFeeding, Tied: t.Tie,
	}
	t.cellFlags.into(&c.Model)
	own := ""
	switch {
	case held != nil:
		own = "--valid-" + held.Kind
	case train.Kind == kindTask:
		own = "--task"
	}
	if err := t.holdOutFlags.into(&c.Data, own); err != nil {
		return err
	}
	c.Model.Before, c.Model.EveryStep = t.AttentionBefore, t.ContextEveryStep
	c.Training.Batch, c.Training.Longest, c.Training.Buckets, c.Training.ValidPairs = t.Batch, t.Longest, t.Buckets, t.ValidTranslate
	c.Training.TeacherDecay, c.Training.TeacherSteps = t.TeacherDecay, t.TeacherSteps
	c.Training.TeacherForcing, c.Training.Smoothing = t.TeacherForcing, t.LabelSmoothing
	if err := c.check(); err != nil {
		return err
	}
	return t.train(a, c, func() (task, error) { return loadSeq2Seq(c, train, held) })
}

// loadSeq2Seq reads the data and writes into c which they are.
func loadSeq2Seq(c *config, train, held *sourceConfig) (*seq2seqTask, error) {
	raw, err := readPairs("--"+train.Kind, train, c.Training.Seed)
	if err != nil {
		return nil, err
	}
	if train.Kind != kindTask {
		if train.Paths, err = absolute(train.Paths); err != nil {
			return nil, err
		}
	}
	train.SHA256 = raw.sha256
	c.Data.Train, c.Data.Held = train, held
	t := &seq2seqTask{config: c, skipped: leftOut(raw.name, raw.pairs.Skipped)}
	learn := raw.all()
	var measure pairsPart
	if held == nil {
		if learn, measure, err = raw.divide(c); err != nil {
			return nil, err
		}
	} else {
		other, err := readPairs("--valid-"+held.Kind, held, c.Training.Seed)
		if err != nil {
			return nil, err
		}
		if held.Paths, err = absolute(held.Paths); err != nil {
			return nil, err
		}
		held.SHA256 = other.sha256
		measure = other.all()
		t.skipped = append(t.skipped, leftOut(other.name, other.pairs.Skipped)...)
	}
	if t.source, err = learn.vocab(c, func(p datasets.Pair) string { return p.Source }); err != nil {
		return nil, err
	}
	if t.target, err = learn.vocab(c, func(p datasets.Pair) string { return p.Target }); err != nil {
		return nil, err
	}
	for _, v := range []*datasets.Vocab{t.source, t.target} {
		if err := c.Model.enough(v, 1, learn.pairs.Name); err != nil {
			return nil, err
		}
	}
	c.Model.Vocab, c.Model.VocabSHA256 = t.source.Len(), sha256Hex(t.source.JSON())
	c.Model.TargetVocab, c.Model.TargetSHA256 = t.target.Len(), sha256Hex(t.target.JSON())
	encoded, err := batches.NewSeq2Seq(learn.pairs, t.source, t.target)
	if err != nil {
		return nil, err
	}
	if t.data, err = learn.ready(c.accumulated(), encoded, t.target, c.Training.Longest); err != nil {
		return nil, err
	}
	if measure.pairs != learn.pairs {
		if encoded, err = batches.NewSeq2Seq(measure.pairs, t.source, t.target); err != nil {
			return nil, err
		}
	}
	if t.held, err = measure.ready(c, encoded, t.target, 0); err != nil {
		return nil, err
	}
	t.feed.fill = planned(t.data.plan, c.Training.Seed, t.data.fill)
	return t, c.checkSeq2SeqSize(max(t.data.longest, t.held.longest))
}

// newSeq2Seq is the model that a config asks for, with fresh weights.
func newSeq2Seq(c *config) (*trainer.Seq2Seq, error) {
	m := &c.Model
	model := models.Seq2SeqConfig{
		Source: m.Vocab, Target: m.TargetVocab,
		Tokens: models.Tokens{Padding: datasets.Pad, Unknown: datasets.Unknown, Start: datasets.Start, End: datasets.End},
		Cell:   m.cell(), Embed: m.Embed, Hidden: m.Hidden, Layers: m.Layers, Bidirectional: m.Bidirectional,
		Dropout: m.Dropout, Before: m.Before, EveryStep: m.EveryStep, Feeding: m.Feeding, Tied: m.Tied, Smoothing: c.Training.Smoothing,
	}
	if m.Attention != noAttention {
		var err error
		if model.Attention, err = models.AttentionNamed(m.Attention); err != nil {
			return nil, err
		}
	}
	return trainer.NewSeq2Seq(trainer.Seq2SeqConfig{
		Model: model, TeacherForcing: c.Training.TeacherForcing, TeacherDecay: c.Training.teacherDecay(),
		Training: c.Training.moves(), Device: c.Running.on,
	})
}

// seq2seqTask is a sequence-to-sequence model and its pairs.
type seq2seqTask struct {
	*trainer.Seq2Seq
	config         *config
	source, target *datasets.Vocab
	data, held     *translations
	skipped        []string      // of the data
	few            *translations // some of held; nil: not yet chosen
	feed           feed[*seq2seqBatch]
}

func (t *seq2seqTask) build() (err error) {
	t.Seq2Seq, err = newSeq2Seq(t.config)
	return err
}

func (t *seq2seqTask) epoch() int { return t.data.plan.Len() }

func (t *seq2seqTask) step(before int, rate float64) (loss, norm float64, tokens int, err error) {
	b, err := t.feed.next(before)
	if err != nil {
		return 0, 0, 0, err
	}
	loss, norm, err = t.Train(b.Translations, before, rate)
	return loss, norm, b.tokens, err
}

func (t *seq2seqTask) Close() error {
	t.feed.close()
	for _, x := range []*translations{t.data, t.held} {
		if err := x.pairs.Close(); err != nil {
			return err
		}
	}
	return t.Seq2Seq.Close()
}

// measure also translates some of what was held out.
func (t *seq2seqTask) measure(stop func() bool) (metrics, error) {
	m, err := t.held.measure(t.Seq2Seq, stop)
	if err != nil {
		return m, err
	}
	if t.few == nil {
		if t.few, err = t.held.sample(t.config, t.config.Training.ValidPairs); err != nil {
			return m, err
		}
	}
	written, pairs, err := t.few.translate(t.Seq2Seq, &beamFlags{})
	if err != nil {
		return m, err
	}
	return m, m.compare(written, pairs)
}

// translatedPairs is how many held-out pairs are translated at most, unless --valid-translate is given, whenever they are measured while
// the model learns.
const translatedPairs = 200

func (t *seq2seqTask) heldOut() string { return "the held-out pairs" }

func (t *seq2seqTask) files() map[string][]byte {
	return map[string][]byte{vocabName: t.source.JSON(), targetName: t.target.JSON()}
}

func (t *seq2seqTask) verify(dir string) error {
	if _, err := readRunVocab(dir, t.config); err != nil {
		return err
	}
	_, err := readTargetVocab(dir, t.config)
	return err
}

func (t *seq2seqTask) describe(weights int) []string {
	c := t.config
	var extras []string
	for _, x := range []struct {
		on   bool
		name string
	}{{c.Model.Before, " before the cell"}, {c.Model.EveryStep, ", the source at every step"}, {c.Model.Feeding, ", input feeding"}, {c.Model.Tied, ", tied"}} {
		if x.on {
			extras = append(extras, x.name)
		}
	}
	lines := []string{
		fmt.Sprintf("training on %s: %s pairs, and %s held out to measure on", t.data.name, thousands(t.data.plan.Examples()), thousands(t.held.plan.Examples())),
		fmt.Sprintf("model: %s, %s different ones of sources and %s of targets, embedding %d; %s, layers %d, hidden %d%s, attention %s%s; %s weights, on %s",
			c.Model.kinds(), thousands(t.source.Len()), thousands(t.target.Len()), c.Model.Embed, c.Model.Cell, c.Model.Layers, c.Model.Hidden, ways(c),
			c.Model.Attention, strings.Join(extras, ""), thousands(weights), t.Device()),
		fmt.Sprintf("batch %d, lengths %s: %s steps an epoch; %s", c.Training.Batch, pairLengths(t.data.plan), thousands(t.epoch()), c.Training.words()),
	}
	if n := t.data.plan.TooLong; n > 0 {
		lines = append(lines, fmt.Sprintf("%s pairs are longer than %s tokens and left out; --longest for more", thousands(n), thousands(c.Training.Longest)))
	}
	return append(lines, t.skipped...)
}

// pairLengths lists the lengths of a plan's batches: of sources and of targets.
func pairLengths(p *batches.Plan) string {
	var lengths []string
	for _, s := range p.Shapes() {
		lengths = append(lengths, fmt.Sprintf("%d+%d", s.Source, s.Target))
	}
	return strings.Join(lengths, ", ")
}

// farewell shows a few translations.
func (t *seq2seqTask) farewell(w io.Writer, run string) error {
	few, err := t.held.sample(t.config, 6)
	if err != nil {
		return err
	}
	written, pairs, err := few.translate(t.Seq2Seq, &beamFlags{})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "held-out pairs, translated:\n%s\nnext:\n", judged(written, pairs))
	source := shellQuote(pairs[0].Source)
	fmt.Fprintf(w, "  unroll eval %s\n  echo %s | unroll translate %s    # a source a line, and its translation\n", run, source, run)
	if t.config.Model.Attention != noAttention {
		fmt.Fprintf(w, "  echo %s | unroll translate %s --attention look.html    # also where it looked\n", source, run)
	}
	if t.config.Data.Train.Kind == kindTask {
		_, err = fmt.Fprintln(w, "  unroll train seq2seq --pairs FILE    # on your own: a source, a tab and its target a line")
	}
	return err
}

// judged shows translations beside what was wanted: a line each, or three if one of them is long.
func judged(written []string, pairs []datasets.Pair) string {
	const long = 40 // characters
	source, target := 0, 0
	for _, p := range pairs {
		source, target = max(source, utf8.RuneCountInString(p.Source)), max(target, utf8.RuneCountInString(p.Target))
	}
	var b strings.Builder
	for i, p := range pairs {
		verdict := "right"
		switch {
		case max(source, target) > long:
			fmt.Fprintf(&b, "\n  source       %s\n  translation  %s\n  reference    %s\n", p.Source, written[i], p.Target)
			continue
		case written[i] != p.Target:
			verdict = "wrong, it is " + p.Target
		}
		fmt.Fprintf(&b, "  %-*s  ->  %-*s  %s\n", source, p.Source, target, written[i], verdict)
	}
	return b.String()
}

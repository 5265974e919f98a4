package main

import (
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/trainer/metrics"
	"github.com/unroll-ml/unroll/trainer/run"
)

// trainSeq2SeqCmd trains a sequence-to-sequence model.
type trainSeq2SeqCmd struct {
	Data  pairsFlags `embed:"" group:"Data:" set:"use=Train on"`
	Task  string     `group:"Data:" placeholder:"NAME" help:"Train on a task of which unroll makes the data: ${tasks}. ${demoTask} if no data are named, which is the demo."`
	Valid pairsFlags `embed:"" prefix:"valid-" group:"Data:" set:"use=Validate on"`
	rowFlags

	holdOutFlags

	Tokens           string `group:"Model:" enum:"${tokenKinds}" default:"char" help:"What texts are cut into: ${enum}."`
	MinFreq          int    `group:"Model:" default:"1" help:"Tokens that occur less often are unknown."`
	MaxVocab         int    `group:"Model:" default:"0" help:"The most different tokens of sources, and of targets; 0: any number, for bpe ${bpe}."`
	Attention        string `group:"Model:" enum:"${attentions}" default:"additive" help:"How the decoder looks at the source: ${enum}."`
	AttentionBefore  bool   `group:"Model:" help:"The attention looks before the cell moves, as Bahdanau et al. (2015) have it, not after it, as Luong et al. (2015)."`
	ContextEveryStep bool   `group:"Model:" help:"Without attention: every step of the decoder sees the source as one vector, as Cho et al. (2014) have it, not only the first."`
	InputFeeding     bool   `group:"Model:" help:"The decoder sees what its attention found in the step before."`
	normalFlags
	cellFlags `embed:"" group:"Model:" set:"cell=gru"`
	Hidden    int  `group:"Model:" default:"128" help:"Hidden size, in each direction."`
	Layers    int  `group:"Model:" default:"1" help:"Layers of the encoder, and of the decoder."`
	Embed     *int `group:"Model:" placeholder:"N" help:"Embedding size. Default: ${embed}, or that of --vectors."`
	vectorFlags
	targetVectorFlags
	Bidirectional bool `group:"Model:" help:"Read sources from both ends."`
	Tie           bool `group:"Model:" help:"The output's weights are the embedding's."`
	softmaxFlags
	Dropout float64 `group:"Model:" default:"0" help:"Probability with which an input of a layer is dropped in training."`

	Batch          int     `group:"Training:" default:"64" help:"Pairs in a step."`
	Longest        int     `group:"Training:" default:"200" help:"Pairs with more tokens in the source or in the target are left out of training."`
	Buckets        int     `group:"Training:" default:"4" help:"Different lengths of batches, at most: more of them are less padding and more programs."`
	TeacherForcing float64 `group:"Training:" default:"1" help:"Teacher forcing: probability with which the decoder reads the target's token in training, and not its own."`
	TeacherDecay   string  `group:"Training:" enum:"${teacherDecays}" default:"none" help:"How that probability falls while the model learns: ${enum}."`
	TeacherSteps   int     `group:"Training:" placeholder:"N" default:"0" help:"Steps after which it is half of what it was."`
	LabelSmoothing float64 `group:"Training:" default:"0" help:"Part of the probability that the loss wants spread over all tokens."`

	MaxLength    int    `group:"Running:" placeholder:"N" default:"0" help:"The most tokens of a translation, now and later. Default: a quarter more than the longest target of such sources in the training data."`
	BleuTokenize string `group:"Running:" enum:"${bleuTokenizers}" default:"13a" help:"How texts are cut into words for BLEU: ${enum}, as in sacreBLEU; zh or char for languages without spaces."`

	ValidTranslate int `group:"Running:" placeholder:"N" default:"${translated}" help:"Translate at most N of the validation pairs at each validation. Default: ${default}."`

	trainFlags `kong:"embed,set='task=seq2seq',set='data=pairs',set='seedNote=, of the order of the pairs, of what is used for validation and of all that is drawn',set='epochsNote=; in the demo ${demoEpochs}',set='validNote='"`
}

// The demo: what is trained without data.
const (
	demoTask   = "dates"
	demoEpochs = 8
)

// config is what the flags ask for.
func (t *trainSeq2SeqCmd) config() (*run.Config, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	train, err := oneSource("", append(t.Data.sources(), run.Source{Kind: run.KindTask, Paths: []string{t.Task}})...)
	if err != nil {
		return nil, err
	}
	held, err := oneSource("valid-", t.Valid.sources()...)
	switch {
	case err != nil:
		return nil, err
	case t.Data.incomplete():
		return nil, usage("--src and --tgt name two files that belong together: give both")
	case t.Valid.incomplete():
		return nil, usage("--valid-src and --valid-tgt name two files that belong together: give both")
	case train == nil && held != nil:
		return nil, usage("--valid-%s is to measure on, and nothing is there to train on: name data with --pairs, with "+
			"--src and --tgt, or with --task", held.Kind)
	case train != nil && train.Kind == run.KindTask && !slices.Contains(tasks.Tasks, t.Task):
		return nil, usage("--task is %q: it must be one of %s", t.Task, strings.Join(tasks.Tasks, ", "))
	}
	if err := setFormat(t.format(), train, held); err != nil {
		return nil, err
	}
	c := t.trainFlags.config(run.TaskSeq2Seq)
	if train == nil {
		train = &run.Source{Kind: run.KindTask, Paths: []string{demoTask}}
		if !t.limited() {
			c.Training.Epochs = demoEpochs
		}
	}
	c.Model = run.Model{
		Hidden: t.Hidden, Layers: t.Layers, Tokens: t.Tokens, MinFreq: t.MinFreq, MaxVocab: t.MaxVocab, Normalize: t.form(),
		Bidirectional: t.Bidirectional, Dropout: t.Dropout, Attention: t.Attention, Feeding: t.InputFeeding, Tied: t.Tie,
	}
	t.cellFlags.into(&c.Model)
	if err := t.softmaxFlags.into(&c.Model); err != nil {
		return nil, err
	}
	if err := t.targetVectorFlags.into(c); err != nil {
		return nil, err
	}
	if err := t.vectorFlags.into(c, t.Embed); err != nil {
		return nil, err
	}
	c.Data.Train, c.Data.Held = train, held
	if err := t.holdOutFlags.into(&c.Data); err != nil {
		return nil, err
	}
	c.Model.Before, c.Model.EveryStep = t.AttentionBefore, t.ContextEveryStep
	c.Training.Batch, c.Training.Longest, c.Training.Buckets, c.Training.ValidPairs = t.Batch, t.Longest, t.Buckets,
		t.ValidTranslate
	c.Training.TeacherDecay, c.Training.TeacherSteps = t.TeacherDecay, t.TeacherSteps
	c.Training.TeacherForcing, c.Training.Smoothing = t.TeacherForcing, t.LabelSmoothing
	c.Training.MaxLength = t.MaxLength
	if t.BleuTokenize != metrics.Tokenizers[0] {
		c.Training.Tokenize = t.BleuTokenize
	}
	return c, nil
}

func (t *trainSeq2SeqCmd) Run(a *app) error {
	c, err := t.config()
	if err != nil {
		return err
	}
	return t.train(a, c)
}

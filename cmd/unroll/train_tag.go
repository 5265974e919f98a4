package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/trainer/run"
)

// taggedFlags name sentences with a tag for each word.
type taggedFlags struct {
	Conllu  string `placeholder:"FILE" help:"${use} the sentences of this file in CoNLL-U, plain or .gz."`
	Columns string `placeholder:"FILE" help:"${use} the sentences of this file: a word, its tag and what else there is a line, with blanks or tabs between, and an empty line behind each sentence, as CoNLL-2003 has them."`
}

// sources are what the flags may name, without a path where they do not.
func (f *taggedFlags) sources() []run.Source {
	return []run.Source{{Kind: run.KindConllu, Paths: []string{f.Conllu}},
		{Kind: run.KindColumns, Paths: []string{f.Columns}}}
}

// trainTagCmd trains a tagger.
type trainTagCmd struct {
	Data       taggedFlags `embed:"" group:"Data:" set:"use=Train on"`
	Valid      taggedFlags `embed:"" prefix:"valid-" group:"Data:" set:"use=Validate on"`
	Task       string      `group:"Data:" placeholder:"NAME" help:"Train on a task of which unroll makes the data: ${taggedTasks}. ${taggedDemo} if no data are named, which is the demo."`
	Column     string      `group:"Data:" placeholder:"C" help:"The column of the tags: ${conlluTags} of CoNLL-U, or a number from 1. Default: UPOS, or the last column."`
	WordColumn int         `group:"Data:" placeholder:"N" default:"1" help:"The column of the words, but of CoNLL-U. Default: ${default}."`
	SkipBad    bool        `group:"Data:" help:"Leave out sentences that cannot be used, and say how many, instead of stopping at the first."`

	holdOutFlags

	normalFlags
	KeepCase  bool `group:"Model:" help:"Look words up as they are written, not in lower case. Characters are read as they are, in any case."`
	MinFreq   int  `group:"Model:" default:"1" help:"Words that occur less often are unknown."`
	cellFlags `embed:"" group:"Model:" set:"cell=lstm"`
	Hidden    int  `group:"Model:" default:"128" help:"Hidden size of the layers over sentences, in each direction."`
	Layers    int  `group:"Model:" default:"1" help:"Layers over sentences."`
	Embed     *int `group:"Model:" placeholder:"N" help:"Embedding size of words. Default: 100, or that of --vectors."`
	vectorFlags
	CharEmbed  int     `group:"Model:" default:"32" help:"Embedding size of characters."`
	CharHidden int     `group:"Model:" default:"48" help:"Hidden size of the layer over the characters of a word, in each direction; 0: words are known by themselves alone."`
	Letters    int     `group:"Model:" default:"32" help:"Characters that are read of a word: of longer ones both ends."`
	Forwards   bool    `group:"Model:" help:"Read sentences forwards alone, so that a program can tag words as they come."`
	CRF        bool    `group:"Model:" name:"crf" help:"Score whole sequences of tags, with a linear-chain conditional random field, instead of each tag by itself."`
	Dropout    float64 `group:"Model:" default:"0.4" help:"Probability with which an input of a layer or of the output is dropped in training."`

	WordDropout float64 `group:"Training:" placeholder:"A" default:"0.25" help:"In training a word, or a character, that occurs N times is unknown with the probability A/(A+N). Default: ${default}."`
	Batch       int     `group:"Training:" default:"16" help:"Sentences in a step."`
	Longest     int     `group:"Training:" default:"200" help:"Words that are learned of a sentence."`
	Buckets     int     `group:"Training:" default:"8" help:"Different lengths of batches, at most: more of them are less padding and more programs."`

	trainFlags `kong:"embed,set='task=tag',set='data=sentences',set='seedNote=, of the order of the sentences, of what is used for validation and of what is dropped',set='epochsNote=',set='validNote='"`
}

// wordEmbed is the size of the embedding of words without vectors.
var wordEmbed = run.Defaults(run.TaskTag).Model.Embed

// format is how the data are read.
func (t *trainTagCmd) format(s *run.Source) error {
	s.Format = datasets.Format{SkipBad: t.SkipBad}
	switch {
	case s.Kind == run.KindTask && (t.Column != "" || t.WordColumn != 1):
		return usage("--column and --word-column are for --conllu and --columns: leave them out")
	case s.Kind == run.KindConllu && t.WordColumn != 1:
		return usage("--word-column is for --columns, and the words of CoNLL-U are in FORM: leave it out")
	case s.Kind == run.KindConllu && t.Column != "":
		s.Format.Columns = []string{"FORM", t.Column}
	case s.Kind == run.KindColumns && (t.Column != "" || t.WordColumn != 1):
		if t.Column == "" {
			return usage("--word-column %d needs --column, that of the tags", t.WordColumn)
		}
		s.Format.Columns = []string{strconv.Itoa(t.WordColumn), t.Column}
	}
	return nil
}

// sources are the data that the flags name; held may be nil.
func (t *trainTagCmd) sources() (train, held *run.Source, err error) {
	task := func(name string) run.Source { return run.Source{Kind: run.KindTask, Paths: []string{name}} }
	if train, err = oneSource("", append(t.Data.sources(), task(t.Task))...); err != nil {
		return nil, nil, err
	}
	if held, err = oneSource("valid-", t.Valid.sources()...); err != nil {
		return nil, nil, err
	}
	switch {
	case train == nil && held != nil:
		return nil, nil, usage("--valid-%s is to measure on, and nothing is there to train on: name sentences with --%s",
			held.Kind, held.Kind)
	case train == nil:
		demo := task(tasks.TaggedTasks[0])
		train = &demo
	case train.Kind == run.KindTask && !slices.Contains(tasks.TaggedTasks, t.Task):
		return nil, nil, usage("--task is %q: it must be one of %s", t.Task, strings.Join(tasks.TaggedTasks, ", "))
	}
	if held != nil && held.Kind != train.Kind {
		return nil, nil, usage("--%s and --valid-%s are of different kinds: both must be the same", train.Kind, held.Kind)
	}
	for _, s := range []*run.Source{train, held} {
		if s == nil {
			continue
		}
		if err := t.format(s); err != nil {
			return nil, nil, err
		}
	}
	return train, held, nil
}

// config is what the flags ask for.
func (t *trainTagCmd) config() (*run.Config, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	c := t.trainFlags.config(run.TaskTag)
	var err error
	if c.Data.Train, c.Data.Held, err = t.sources(); err != nil {
		return nil, err
	}
	if err := t.holdOutFlags.into(&c.Data); err != nil {
		return nil, err
	}
	c.Model = run.Model{
		Hidden: t.Hidden, Layers: t.Layers, Tokens: string(datasets.Word), MinFreq: t.MinFreq, Normalize: t.form(),
		Bidirectional: !t.Forwards, Dropout: t.Dropout,
		Tag: &run.TagModel{CRF: t.CRF, Lower: !t.KeepCase, CharHidden: t.CharHidden, Forget: t.WordDropout},
	}
	if t.CharHidden != 0 {
		c.Model.Tag.CharEmbed, c.Model.Tag.Letters = t.CharEmbed, t.Letters
	}
	t.cellFlags.into(&c.Model)
	if t.Embed == nil && t.Vectors == "" {
		t.Embed = &wordEmbed
	}
	if err := t.vectorFlags.into(c, t.Embed); err != nil {
		return nil, err
	}
	c.Training.Batch, c.Training.Longest, c.Training.Buckets = t.Batch, t.Longest, t.Buckets
	return c, nil
}

func (t *trainTagCmd) Run(a *app) error {
	c, err := t.config()
	if err != nil {
		return err
	}
	return t.train(a, c)
}

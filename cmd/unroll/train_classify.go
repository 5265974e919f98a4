package main

import "github.com/unroll-ml/unroll/trainer/run"

// trainClassifyCmd trains a classifier.
type trainClassifyCmd struct {
	Data  classifyFlags `embed:"" group:"Data:" set:"use=Train on"`
	Valid classifyFlags `embed:"" prefix:"valid-" group:"Data:" set:"use=Validate on"`
	exampleFlags
	caseFlags

	holdOutFlags

	Tokens  string `group:"Model:" enum:"${tokenKinds}" default:"char" help:"What a text is cut into: ${enum}."`
	MinFreq int    `group:"Model:" default:"1" help:"Tokens that occur less often are unknown."`
	normalFlags
	cellFlags `embed:"" group:"Model:" set:"cell=gru"`
	Hidden    int  `group:"Model:" default:"128" help:"Hidden size, in each direction."`
	Layers    int  `group:"Model:" default:"1" help:"Layers."`
	Embed     *int `group:"Model:" placeholder:"N" help:"Embedding size; 0: one-hot, straight into the first layer. Images have none. Default: ${embed}, or that of --vectors."`
	vectorFlags
	Bidirectional bool    `group:"Model:" help:"Read from both ends."`
	Pooling       string  `group:"Model:" enum:"${poolings}" default:"last" help:"What stands for the sequence: the ${enum} of the outputs."`
	Dropout       float64 `group:"Model:" default:"0" help:"Probability with which an input of a layer or of the output is dropped in training."`
	seriesFlags

	Batch   int `group:"Training:" default:"32" help:"Examples in a step."`
	Longest int `group:"Training:" default:"500" help:"Tokens that are read of an example, then and later."`
	Buckets int `group:"Training:" default:"4" help:"Different lengths of batches, at most: more of them are less padding and more programs."`

	ClassWeights string `group:"Training:" enum:"${classWeights}" default:"none" help:"How much the classes count in the loss: none, each example the same, or balanced, each class the same, however rare it is."`

	trainFlags `kong:"embed,set='task=classify',set='data=examples',set='seedNote=, of the order of the examples, of what is used for validation and of what is dropped',set='epochsNote=',set='validNote='"`
}

// config is what the flags ask for.
func (t *trainClassifyCmd) config() (*run.Config, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	train, err := oneSource("", t.Data.sources()...)
	if err != nil {
		return nil, err
	}
	held, err := oneSource("valid-", t.Valid.sources()...)
	switch {
	case err != nil:
		return nil, err
	case train == nil:
		return nil, usage("nothing to train on: name data with --table, --folder, --idx or --series")
	case held != nil && whatIn(held) != whatIn(train):
		return nil, usage("--%s and --valid-%s are %s and %s: both must be the same", train.Kind, held.Kind, whatIn(train),
			whatIn(held))
	case train.Kind != run.KindSeries && t.seriesFlags.said():
		return nil, usage("--patch, --differences, --scale, --missing and --noise are for data that --series names, and " +
			"there are none: leave them out")
	}
	if err := t.caseFlags.into(train, held); err != nil {
		return nil, err
	}
	if err := setFormat(t.format(), train, held); err != nil {
		return nil, err
	}
	c := t.trainFlags.config(run.TaskClassify)
	c.Model = run.Model{
		Hidden: t.Hidden, Layers: t.Layers, Tokens: t.Tokens, MinFreq: t.MinFreq, Normalize: t.form(),
		Bidirectional: t.Bidirectional, Dropout: t.Dropout, Pooling: t.Pooling,
	}
	t.cellFlags.into(&c.Model)
	if err := t.vectorFlags.into(c, t.Embed); err != nil {
		return nil, err
	}
	c.Data.Train, c.Data.Held = train, held
	if err := t.holdOutFlags.into(&c.Data); err != nil {
		return nil, err
	}
	c.Training.Batch, c.Training.Longest, c.Training.Buckets = t.Batch, t.Longest, t.Buckets
	if t.ClassWeights != run.ClassWeights[0] {
		c.Training.ClassWeights = t.ClassWeights
	}
	if train.Kind == run.KindSeries {
		c.Model.Series = t.seriesFlags.model()
	}
	return c, nil
}

// whatIn says in words what examples are.
func whatIn(s *run.Source) string {
	switch s.Kind {
	case run.KindIDX:
		return "images"
	case run.KindSeries:
		return "series"
	}
	return "texts"
}

func (t *trainClassifyCmd) Run(a *app) error {
	c, err := t.config()
	if err != nil {
		return err
	}
	return t.train(a, c)
}

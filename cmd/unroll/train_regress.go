package main

import "github.com/unroll-ml/unroll/trainer/run"

// trainRegressCmd trains a model that gives series a number.
type trainRegressCmd struct {
	Data  seriesData `embed:"" group:"Data:" set:"use=Train on"`
	Task  string     `group:"Data:" placeholder:"NAME" help:"Train on a task of which unroll makes the data: adding, the adding problem of 200 steps, or adding-N, of N steps."`
	Valid seriesData `embed:"" prefix:"valid-" group:"Data:" set:"use=Validate on"`
	caseFlags

	holdOutFlags

	cellFlags     `embed:"" group:"Model:" set:"cell=gru"`
	Hidden        int     `group:"Model:" default:"128" help:"Hidden size, in each direction."`
	Layers        int     `group:"Model:" default:"1" help:"Layers."`
	Bidirectional bool    `group:"Model:" help:"Read from both ends."`
	Pooling       string  `group:"Model:" enum:"${poolings}" default:"last" help:"What stands for the sequence: the ${enum} of the outputs."`
	Dropout       float64 `group:"Model:" default:"0" help:"Probability with which an input of a layer or of the output is dropped in training."`
	seriesFlags

	Loss    string `group:"Training:" enum:"${regressionLosses}" default:"squared" help:"Loss of an error, in deviations of the numbers to predict: ${enum}."`
	Batch   int    `group:"Training:" default:"32" help:"Examples in a step."`
	Buckets int    `group:"Training:" default:"4" help:"Different lengths of batches, at most: more of them are less padding and more programs."`

	trainFlags `kong:"embed,set='task=regress',set='data=examples',set='seedNote=, of the order of the examples, of what is used for validation and of what is dropped',set='epochsNote=',set='validNote='"`
}

// config is what the flags ask for.
func (t *trainRegressCmd) config() (*run.Config, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	train, err := oneSource("", t.Data.source(), run.Source{Kind: run.KindTask, Paths: []string{t.Task}})
	if err != nil {
		return nil, err
	}
	held, err := oneSource("valid-", t.Valid.source())
	switch {
	case err != nil:
		return nil, err
	case train == nil:
		return nil, usage("nothing to train on: name data with --series, or a task with --task")
	}
	if err := t.caseFlags.into(train, held); err != nil {
		return nil, err
	}
	c := t.trainFlags.config(run.TaskRegress)
	c.Model = run.Defaults(run.TaskRegress).Model
	c.Model.Hidden, c.Model.Layers, c.Model.Bidirectional = t.Hidden, t.Layers, t.Bidirectional
	c.Model.Dropout, c.Model.Pooling, c.Model.Number.Loss = t.Dropout, t.Pooling, t.Loss
	t.cellFlags.into(&c.Model)
	c.Data.Train, c.Data.Held = train, held
	if err := t.holdOutFlags.into(&c.Data); err != nil {
		return nil, err
	}
	c.Training.Batch, c.Training.Buckets = t.Batch, t.Buckets
	c.Model.Series = t.seriesFlags.model()
	return c, nil
}

func (t *trainRegressCmd) Run(a *app) error {
	c, err := t.config()
	if err != nil {
		return err
	}
	return t.train(a, c)
}

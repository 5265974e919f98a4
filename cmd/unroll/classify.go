package main

import (
	"context"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/apply"
	"github.com/unroll-ml/unroll/trainer/run"
)

// classifyCmd classifies the lines of stdin, or images.
type classifyCmd struct {
	Dirs   []string `arg:"" name:"RUN" help:"Folder that unroll train classify wrote; several answer together."`
	IDX    string   `name:"idx" placeholder:"PATH" help:"Classify the images of this file, or of this folder, in files as MNIST and EMNIST have them: those to measure on, or else those to train on. Their labels are not read."`
	Series string   `placeholder:"FILE" help:"Classify the series of numbers in this file: .ts (UEA), .tsv (UCR) or .csv, plain or .gz. Labels that it has are not used."`
	Top    int      `default:"1" help:"Write the K likeliest labels, each with its probability, with tabs between."`
	JSON   bool     `name:"json" help:"Write a JSON object a line, with the labels and their probabilities."`
	useFlags
}

func (k *classifyCmd) Run(a *app) error {
	if k.Top < 1 {
		return usage("--top is %d: it must be at least 1", k.Top)
	}
	if err := k.check(); err != nil {
		return err
	}
	r, err := k.openAll(a, k.Dirs, run.TaskClassify)
	if err != nil {
		return err
	}
	if (r.Config().Model.Series != nil) != (k.Series != "") {
		return k.otherData(r)
	}
	switch {
	case k.Series != "":
		return k.series(a, r)
	case r.Vocab() == nil && k.IDX == "":
		return fail(exitData, "RUN: %s classifies images, and stdin has lines of text: name images with --idx", k.Dirs[0])
	case r.Vocab() != nil && k.IDX != "":
		return fail(exitData, "--idx: %s classifies texts, a line of stdin each: leave it out", k.Dirs[0])
	}
	var images *datasets.Images
	if k.IDX != "" {
		images, err = datasets.ReadIDXImages(k.IDX, datasets.Format{Transpose: r.Config().Data.Train.Format.Transpose})
		if err != nil {
			return run.NewInputError("--idx", err)
		}
	}
	if err := k.compute(a, r); err != nil {
		return err
	}
	m, err := r.Classifier()
	if err != nil {
		return err
	}
	defer m.Close()
	c := k.writer(a, m)
	if images != nil {
		return c.Images(context.Background(), images)
	}
	in := apply.NewLines(stdinName, a.stdin, r)
	a.inviteTyping()
	defer func() { a.say(in.Notes()) }()
	return c.Lines(context.Background(), in)
}

// writer writes labels as the flags say.
func (k *classifyCmd) writer(a *app, m *run.Classifier) *apply.Classifier {
	return &apply.Classifier{Model: m, Top: k.Top, JSON: k.JSON, To: a.texts()}
}

// otherData says that what the flags name is not what the run classifies.
func (k *classifyCmd) otherData(r *run.Run) error {
	if k.Series == "" {
		return fail(exitData, "RUN: %s classifies series: name them with --series", k.Dirs[0])
	}
	return fail(exitData, "--series: %s classifies no series: leave it out", k.Dirs[0])
}

// series classifies the series of a file.
func (k *classifyCmd) series(a *app, r *run.Run) error {
	cases, err := casesFor(a, r, k.Series)
	if err != nil {
		return err
	}
	if err := k.compute(a, r); err != nil {
		return err
	}
	m, err := r.Classifier()
	if err != nil {
		return err
	}
	defer m.Close()
	return k.writer(a, m).Series(context.Background(), cases)
}

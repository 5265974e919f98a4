package main

import (
	"context"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/internal/apply"
	"github.com/unroll-ml/unroll/trainer/run"
)

// regressCmd predicts the numbers of series.
type regressCmd struct {
	Dirs   []string `arg:"" name:"RUN" help:"Folder that unroll train regress wrote; several answer together."`
	Series string   `required:"" placeholder:"FILE" help:"Predict the numbers of the series in this file: .ts (UEA), .tsv (UCR) or .csv, plain or .gz. Labels that it has are not used."`
	JSON   bool     `name:"json" help:"Write a JSON object a line."`
	useFlags
}

func (k *regressCmd) Run(a *app) error {
	if err := k.check(); err != nil {
		return err
	}
	r, err := k.openAll(a, k.Dirs, run.TaskRegress)
	if err != nil {
		return err
	}
	cases, err := casesFor(a, r, k.Series)
	if err != nil {
		return err
	}
	if err := k.compute(a, r); err != nil {
		return err
	}
	m, err := r.Regressor()
	if err != nil {
		return err
	}
	defer m.Close()
	g := apply.Regressor{Model: m, JSON: k.JSON, To: a.texts()}
	return g.Series(context.Background(), cases)
}

// casesFor reads the series of a file as those that a run was trained on, labels aside, and says what was taken
// for what.
func casesFor(a *app, r *run.Run, path string) (*series.Cases, error) {
	cases, err := apply.ReadSeries(path, r)
	if err == nil {
		a.say(r.Notes(cases))
	}
	return cases, err
}

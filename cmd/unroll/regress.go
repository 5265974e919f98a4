package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/trainer/run"
)

// regressCmd predicts the numbers of series.
type regressCmd struct {
	Dir    string `arg:"" name:"RUN" help:"Folder that unroll train regress wrote."`
	Series string `required:"" placeholder:"FILE" help:"Predict the numbers of the series in this file: .ts (UEA), .tsv (UCR) or .csv, plain or .gz. Labels that it has are not used."`
	JSON   bool   `name:"json" help:"Write a JSON object a line."`
	useFlags
}

// predicted is what regress --json writes for a series.
type predicted struct {
	Series int       `json:"series"` // its number in the file, from 1
	Number run.Float `json:"number"`
}

func (k *regressCmd) Run(a *app) error {
	if err := k.check(); err != nil {
		return err
	}
	r, err := k.open(a, k.Dir, run.TaskRegress)
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
	numbers, err := m.Predict(context.Background(), cases)
	if err != nil {
		return err
	}
	var b strings.Builder
	for i, x := range numbers {
		if k.JSON {
			b.WriteString(jsonLine(predicted{i + 1, run.Float(x)}))
		} else {
			b.WriteString(strconv.FormatFloat(x, 'g', 7, 64) + "\n")
		}
	}
	_, err = a.texts().Write([]byte(b.String()))
	return err
}

// casesFor reads the series of a file as those that a run was trained on, labels aside, and says what was taken
// for what.
func casesFor(a *app, r *run.Run, path string) (*series.Cases, error) {
	var o series.Options
	if from := r.Config().Data.Train.Series; from != nil {
		o = *from
	}
	cases, err := series.ReadCases(path, o)
	if err != nil {
		return nil, run.NewInputError("--series", err)
	}
	for _, note := range r.Notes(cases) {
		notice(a.stderr)(note)
	}
	return cases, nil
}

package apply

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Regressor writes the number that it predicts of each series: a line, or a line of JSON.
type Regressor struct {
	Model *run.Regressor
	JSON  bool
	To    io.Writer
}

// predicted is the JSON of a series.
type predicted struct {
	Series int       `json:"series"` // its number in the file, from 1
	Number run.Float `json:"number"`
}

// Series predicts the numbers of series.
func (g *Regressor) Series(ctx context.Context, cases *series.Cases) error {
	numbers, err := g.Model.Predict(ctx, cases)
	if err != nil {
		return err
	}
	var b strings.Builder
	for i, x := range numbers {
		if g.JSON {
			b.WriteString(jsonLine(predicted{i + 1, run.Float(x)}))
		} else {
			b.WriteString(strconv.FormatFloat(x, 'g', 7, 64) + "\n")
		}
	}
	_, err = io.WriteString(g.To, b.String())
	return errors.WithStack(err)
}

// ReadSeries reads the series of a file as those that a run was trained on, labels aside.
func ReadSeries(path string, r *run.Run) (*series.Cases, error) {
	var o series.Options
	if from := r.Config().Data.Train.Series; from != nil {
		o = *from
	}
	cases, err := series.ReadCases(path, o)
	if err != nil {
		return nil, run.NewInputError("`series`", err)
	}
	return cases, nil
}

package run

import (
	"slices"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer"
)

// seriesExamples are series of numbers with a label each.
type seriesExamples struct{ *series.Cases }

// readSeriesExamples reads a file of series.
func readSeriesExamples(s *Source) (*rawExamples, error) {
	c, err := readCases(s)
	if err != nil {
		return nil, err
	}
	return caseExamples(c), nil
}

// caseExamples are those of a file of series.
func caseExamples(c *series.Cases) *rawExamples {
	return &rawExamples{name: c.Name, data: seriesExamples{c}, sha256: c.SHA256, notes: slices.Clone(c.Notes)}
}

func (x seriesExamples) Len() int                      { return len(x.Cases.Cases) }
func (x seriesExamples) Label(i int) string            { return x.Cases.Cases[i].Label }
func (x seriesExamples) shown(i int32) string          { return "series " + words.Thousands(int(i)+1) }
func (x seriesExamples) missing(s *SeriesModel) string { return s.missing(x.Cases) }
func (x seriesExamples) divided(*datasets.Division)    {}

// labels are those that the file names, or has, in its order.
func (x seriesExamples) labels() (*datasets.Labels, error) {
	l, err := datasets.OrderedLabels(x.Names())
	if err != nil {
		return nil, &datasets.Error{File: x.Name, What: err.Error()}
	}
	return l, atLeastTwo(l, x.Name)
}

// labelled says why the series have no classes.
func (x seriesExamples) labelled() error {
	switch {
	case x.Unlabelled:
		return &datasets.Error{File: x.Name, What: "its series have no labels: name a file that has them"}
	case x.Regression:
		return &datasets.Error{File: x.Name, What: "its labels are numbers to predict, not classes: use a regressor, " +
			"as train regress makes it"}
	}
	return nil
}

func (x seriesExamples) fit(c *Config, which []int32) (*datasets.Vocab, []string, error) {
	notes, err := c.fitSeries(x.Cases, which)
	return nil, notes, err
}

func (x seriesExamples) encode(
	c *Config, _ *datasets.Vocab, labels *datasets.Labels, which []int32,
) (e encodedExamples, err error) {
	if err := x.labelled(); err != nil {
		return e, err
	}
	inputs, err := c.caseInputs(x.Cases, which)
	if err != nil {
		return e, err
	}
	e.inputs = seriesInputs{inputs}
	e.classes, e.unknown, err = labels.Classes(x.Name, x.Len(), x.Label)
	return e, err
}

// seriesInputs are series, as a classifier and a regressor read them.
type seriesInputs struct{ *caseInputs }

func (x seriesInputs) fill(g batches.Group) (s trainer.Sequences, steps int, err error) {
	s, steps = x.caseInputs.fill(g)
	return s, steps, nil
}

package run

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// ensembleTasks are the tasks of runs that may answer together.
var ensembleTasks = []string{TaskClassify, TaskForecast, TaskRegress, TaskSeq2Seq}

// OpenEnsemble opens runs that answer together: see Run.Join. The options are for each of them.
func OpenEnsemble(dirs []string, opts ...Option) (*Run, error) {
	var all []*Run
	for _, dir := range dirs {
		r, err := Open(dir, opts...)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		return nil, settings("there is no run: name one at least")
	}
	return all[0], all[0].Join(all[1:]...)
}

// Join makes the models of other runs answer together with that of this one, an ensemble: the Classifier, the
// Translator, the Forecaster and the Regressor of the run are then all of them. What they say is the mean:
//
//   - of the probabilities of labels;
//   - of the probabilities of the next token, at every step of a search, given what was written so far;
//   - of predicted numbers, of forecasts, and of the quantiles of forecasts.
//
// All must be of one of these tasks, and read and say the same: the same vocabularies and labels, series of the same
// channels, forecasts of the same columns and length. How large they are, and how they were trained, may differ. What
// does not fit is a *DataError, or a *TaskError. A run beside itself says what it says alone.
func (r *Run) Join(others ...*Run) error {
	if len(others) == 0 {
		return nil
	}
	if err := r.Want(ensembleTasks...); err != nil {
		return err
	}
	for _, o := range others {
		if o == nil {
			return settings("one of the runs is none: open all of them")
		}
		if err := o.Want(r.config.Task); err != nil {
			return err
		}
		if what := r.unlike(o); what != "" {
			return badData("%s and %s cannot answer together: %s", r.dir, o.dir, what)
		}
	}
	r.others = append(r.others, others...)
	return nil
}

// Members are the runs that answer together: itself, and those that joined it.
func (r *Run) Members() []*Run { return append([]*Run{r}, r.others...) }

// inputs are what a model reads of series; nil: none.
func (m *SeriesModel) inputs() any {
	if m == nil {
		return nil
	}
	return m.Inputs
}

// sameVocab is how runs have the same vocabularies.
const sameVocab = "train the second on the same data, or from the first"

// Attends says whether the model of the run has an attention, as have those of all that joined it.
func (r *Run) Attends() bool {
	return !slices.ContainsFunc(r.Members(), func(x *Run) bool {
		return x.config.Task != TaskSeq2Seq || x.config.Model.Attention == NoAttention
	})
}

// unlike is why the models of two runs of a task cannot answer together; "" if they can.
func (r *Run) unlike(o *Run) string {
	a, b := &r.config.Model, &o.config.Model
	for _, x := range []struct {
		what string
		a, b any
	}{
		{"their texts are cut into other tokens", a.Tokens + a.Normalize, b.Tokens + b.Normalize},
		{"their vocabularies are not the same: " + sameVocab, a.VocabSHA256, b.VocabSHA256},
		{"the vocabularies of their targets are not the same: " + sameVocab, a.TargetSHA256, b.TargetSHA256},
		{"their labels are not the same", a.LabelsSHA256, b.LabelsSHA256},
		{fmt.Sprintf("one reads images of %d columns, the other of %d", a.Input, b.Input), a.Input, b.Input},
		{"they do not read the same channels of series in the same way", a.Series.inputs(), b.Series.inputs()},
	} {
		if !reflect.DeepEqual(x.a, x.b) {
			return x.what
		}
	}
	if a.Forecast == nil || b.Forecast == nil {
		return ""
	}
	if a.Forecast.Horizon != b.Forecast.Horizon {
		return fmt.Sprintf("one forecasts %d values, the other %d", a.Forecast.Horizon, b.Forecast.Horizon)
	}
	return r.columns.unlike(o.columns)
}

// unlike is why two forecasters do not read the same files and forecast the same columns; "" if they do.
func (c *seriesColumns) unlike(d *seriesColumns) string {
	names := func(c *seriesColumns) (known, static []string) {
		for _, k := range c.Known {
			known = append(known, k.Name)
		}
		for _, s := range c.Static {
			static = append(static, s.Name)
		}
		return known, static
	}
	known, static := names(c)
	otherKnown, otherStatic := names(d)
	for _, x := range []struct {
		what string
		a, b []string
	}{
		{"one forecasts %s, the other %s", c.Targets, d.Targets},
		{"one reads the covariates %s, the other %s", known, otherKnown},
		{"one reads the categories %s, the other %s", static, otherStatic},
		{"one has a value every %s, the other every %s", []string{cmp.Or(c.Step.String(), "step")},
			[]string{cmp.Or(d.Step.String(), "step")}},
	} {
		if !slices.Equal(x.a, x.b) {
			list := func(names []string) string {
				if len(names) == 0 {
					return "none"
				}
				return strings.Join(names, ", ")
			}
			return fmt.Sprintf(x.what, list(x.a), list(x.b))
		}
	}
	return ""
}

// alone says that a run which others have joined cannot do something.
func (r *Run) alone(what string) error {
	if len(r.others) == 0 {
		return nil
	}
	return settings("%s answers together with %d other runs: they cannot be %s together, only one by one", r.dir,
		len(r.others), what)
}

// modelsOf makes the models of a run and of those that joined it, on one device.
func modelsOf[M interface{ Close() error }](r *Run, make func(r *Run) (M, error)) (all []M, err error) {
	if err := r.config.open(); err != nil {
		return nil, err
	}
	for _, m := range r.Members() {
		if m.config.with.device == nil {
			m.config.with.device = r.config.with.device
		}
		x, err := make(m)
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, x)
	}
	return all, nil
}

// closeAll frees models, and gives the first error.
func closeAll[M interface{ Close() error }](all []M) (first error) {
	for _, m := range all {
		if err := m.Close(); first == nil {
			first = err
		}
	}
	return first
}

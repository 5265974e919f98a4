package run

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/internal/words"
)

// Backtest says from where forecasts are made to be measured.
type Backtest struct {
	// Future are the values that follow those of EvalConfig.Data, or of the run's own series, by name: they are
	// measured. nil: the last values of each series are, as many as the horizon.
	Future *Source

	Origins int // how many forecasts of each series are measured, the last one with the last values (rolling origin); 0: 1
	Every   int // values between two origins; 0: the horizon
}

// check says what is wrong with a backtest.
func (b *Backtest) check() error {
	switch {
	case b.Origins < 0 || b.Origins > maxForecast:
		return settings("`origins` is %d: it must be from 1 to %d", b.Origins, maxForecast)
	case b.Every < 0 || b.Every > maxForecast:
		return settings("`every` is %d: it must be from 1 to %d", b.Every, maxForecast)
	}
	return nil
}

// evaluateForecaster measures a forecaster.
func (r *Run) evaluateForecaster(ctx context.Context, e EvalConfig) (*Evaluation, error) {
	if err := e.Backtest.check(); err != nil {
		return nil, err
	}
	if e.Backtest.Future != nil {
		e.Backtest.Future.Series = r.config.Data.Train.Series
	}
	f := r.config.Model.Forecast
	set, err := r.Series()
	split := SplitValidation
	if e.Data != nil {
		if set, err = readSeries("`series`", e.Data); err == nil && set.SHA256 != r.config.Data.Train.SHA256 {
			split = SplitAll
		}
	}
	if err != nil {
		return nil, err
	}
	v := &Evaluation{Name: set.Name, Split: split, Unit: "value", Count: "values", Notes: append(set.Notes, r.columns.differences(set)...)}
	v.What = fmt.Sprintf("the last %s of %s", words.Count(f.Horizon, "value", "values"), set.Name)
	if e.Backtest.Future != nil {
		future, err := readSeries("`future`", e.Backtest.Future)
		if err != nil {
			return nil, err
		}
		if set, err = follow(set, future, f.Horizon); err != nil {
			return nil, err
		}
		v.What, v.Split = fmt.Sprintf("what follows in %s", future.Name), SplitTest
	}
	d, err := r.config.apply(r.columns, set)
	if err != nil {
		return nil, err
	}
	n, every := max(e.Backtest.Origins, 1), e.Backtest.Every
	if every == 0 {
		every = f.Horizon
	}
	origins, err := d.origins(n, every)
	if err != nil {
		return nil, err
	}
	if len(origins) == 0 {
		return nil, &datasets.Error{File: set.Name,
			What: fmt.Sprintf("no series has more than the %d values of the horizon: use longer ones", f.Horizon)}
	}
	if n > 1 {
		v.What += fmt.Sprintf(", and of %d origins before, %d values apart", n-1, every)
	}
	if wanted := n * len(set.Series); len(origins) < wanted {
		v.Notes = append(v.Notes, fmt.Sprintf("%s: %d of %d forecasts: series are too short for the others", set.Name,
			len(origins), wanted))
	}
	if split == SplitValidation && e.Backtest.Future == nil && (f.TrainAll || n > 1) {
		v.Notes = append(v.Notes, learnedWords)
	}
	v.Notes = append(v.Notes, known(r.meanOf("the loss"))...)
	models, err := toMeasure(r, v, func(r *Run, v *Evaluation) (forecasting, error) {
		d, err := r.config.apply(r.columns, set)
		if err != nil {
			return forecasting{}, err
		}
		m, err := r.forecaster(v)
		return forecasting{m, d}, err
	})
	if err != nil {
		return nil, err
	}
	defer closeAll(models)
	for _, p := range f.Quantiles {
		for _, m := range models {
			if err := m.CheckQuantile(p); err != nil {
				return nil, badData("the quantile %g of %s, which all must know to be measured together: %v", p, r.dir, err)
			}
		}
	}
	return v.time(func() (Metrics, error) {
		baselines, err := d.baselines(origins)
		if err != nil {
			return Metrics{}, err
		}
		return measureForecasts(ctx, origins, baselines, models...)
	})
}

// follow are series with what follows them, up to a horizon, by name.
func follow(set, future *series.Set, horizon int) (*series.Set, error) {
	at := map[string]*series.Series{}
	for i := range future.Series {
		at[future.Series[i].ID] = &future.Series[i]
	}
	whole := *set
	whole.Series = nil
	for i := range set.Series {
		s := set.Series[i]
		next := at[s.ID]
		if next == nil {
			return nil, &datasets.Error{File: future.Name,
				What: fmt.Sprintf("series %q of %s is missing: name files that belong together", s.ID, set.Name)}
		}
		if next.Len() < horizon || len(next.Values) != len(s.Values) {
			return nil, &datasets.Error{File: future.Name, Line: next.Line, What: fmt.Sprintf(
				"series %q has %d values of %s: %d are forecast of %d", s.ID, next.Len(),
				words.Count(len(next.Values), "column", "columns"), horizon, len(s.Values))}
		}
		if what := apart(set, future, &s, next); what != "" {
			return nil, &datasets.Error{File: future.Name, Line: next.Line, What: what}
		}
		values := make([][]float64, len(s.Values))
		for k := range values {
			values[k] = slices.Concat(s.Values[k], next.Values[k][:horizon])
		}
		s.Values = values
		whole.Series = append(whole.Series, s)
	}
	return &whole, nil
}

// apart says why a series with times does not follow another one; "" if it does, or if one has no times.
func apart(set, future *series.Set, s, next *series.Series) string {
	a, b := set.Step, future.Step
	if a.IsZero() || b.IsZero() {
		return ""
	}
	if a.Seconds != b.Seconds || a.Months != b.Months {
		return fmt.Sprintf("it has a value every %s, and %s every %s: name files that belong together", b, set.Name, a)
	}
	const layout = "2006-01-02 15:04:05"
	if after := a.Add(s.Start, s.Len()); !after.Equal(next.Start) {
		return fmt.Sprintf("series %q begins at %s, and after the last value of %s comes %s: name values that follow those", s.ID,
			next.Start.Format(layout), set.Name, after.Format(layout))
	}
	return ""
}

// anyValue says whether there is a value.
func anyValue(columns [][]float64) bool {
	for _, values := range columns {
		if slices.ContainsFunc(values, func(y float64) bool { return !math.IsNaN(y) }) {
			return true
		}
	}
	return false
}

package run

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer"
)

// Forecaster is the forecaster of a run, or those of runs that were joined. Several goroutines may use it: they take turns.
type Forecaster struct {
	columns *seriesColumns
	config  *Config
	mu      sync.Mutex
	model   *trainer.Forecaster
	others  []*Forecaster // whose forecasts are averaged with its own
}

// SeriesForecast is what follows a series, as it is forecast.
type SeriesForecast struct {
	ID     string
	Target string    // the column
	Start  time.Time // of the first value; zero without times
	Points []float64 // the values that follow

	forecasts []*trainer.Forecast // of the models, one or several
	target    int
	history   []float64 // the series
	step      series.Step
}

// Quantile is the value that value h of those that follow, counted from 0, does not exceed with probability p; NaN if
// the model knows none.
func (f *SeriesForecast) Quantile(h int, p float64) float64 {
	sum := 0.0
	for _, x := range f.forecasts {
		sum += x.Quantile(f.target, h, p)
	}
	return sum / float64(len(f.forecasts))
}

// Forecaster makes the model of the run ready to forecast. Close it. A run of another task is a *TaskError.
func (r *Run) Forecaster() (*Forecaster, error) {
	if err := r.Want(TaskForecast); err != nil {
		return nil, err
	}
	all, err := modelsOf(r, func(r *Run) (*Forecaster, error) {
		m, err := r.forecaster(nil)
		return &Forecaster{columns: r.columns, config: r.config, model: m}, err
	})
	if err != nil {
		return nil, err
	}
	all[0].others = all[1:]
	return all[0], nil
}

// forecaster makes the forecaster of the run, and notes in v, which may be nil, where it stands.
func (r *Run) forecaster(v *Evaluation) (*trainer.Forecaster, error) {
	if err := r.fits(); err != nil {
		return nil, err
	}
	m, err := r.config.newForecaster()
	if err != nil {
		return nil, err
	}
	return m, r.loadFor(m, v)
}

// readColumns reads what the run knows of columns.
func (r *Run) readColumns() (err error) {
	f := r.config.Model.Forecast
	r.columns, err = readModelFile(r.dir, columnsName, "are not the columns", "%d", readColumns, f.Targets,
		f.ColumnsSHA256)
	if err == nil && !r.columns.fits(f) {
		return corrupt("%s/%s has not the columns that %s names: they are of different runs", r.dir, columnsName, ConfigName)
	}
	return err
}

// Series reads the series that the run learned from, as they are now. Others than then are a *DataError.
func (r *Run) Series() (*series.Set, error) {
	if err := r.Want(TaskForecast); err != nil {
		return nil, err
	}
	s := r.config.Data.Train
	if err := readAgain(r.dir, s.Paths...); err != nil {
		return nil, err
	}
	set, err := readSeries(r.dir+"/"+ConfigName, s)
	if input := (*InputError)(nil); errors.As(err, &input) {
		return nil, &InputError{input.Name, input.What + ", or name series with `series`"}
	}
	if err == nil && set.SHA256 != s.SHA256 {
		err = badData("%s has changed since the run was trained on it (sha256 %.12s now, %.12s in %s): restore it, or name "+
			"it with `series`",
			s.Paths[0], set.SHA256, s.SHA256, ConfigName)
	}
	return set, err
}

// ReadSeries reads series of a file that is written as the one that the run learned from. Its notes say in what the
// series are unlike those that the model has learned from.
func (r *Run) ReadSeries(path string) (*series.Set, error) {
	if err := r.Want(TaskForecast); err != nil {
		return nil, err
	}
	set, err := readSeries("`series`", &Source{Kind: KindSeries, Paths: []string{path}, Series: r.config.Data.Train.Series})
	if err != nil {
		return nil, err
	}
	set.Notes = append(set.Notes, r.columns.differences(set)...)
	return set, nil
}

// Targets are the columns that are forecast.
func (f *Forecaster) Targets() []string { return f.columns.Targets }

// Set is a set of that name without series, with the columns and the step between times that the model reads: fill in
// Series, and Forecast says what follows them.
func (f *Forecaster) Set(name string) *series.Set {
	c := f.columns
	set := &series.Set{Name: name, Targets: slices.Clone(c.Targets), Step: c.Step}
	for _, known := range c.Known {
		set.Known = append(set.Known, known.Name)
	}
	for _, static := range c.Static {
		set.Static = append(set.Static, static.Name)
	}
	return set
}

// Calendar says whether a model reads the calendar: then each series needs the time of its first value.
func (f *Forecaster) Calendar() bool {
	return len(f.columns.Calendar) > 0 || slices.ContainsFunc(f.others, (*Forecaster).Calendar)
}

// Close frees the models, when it is its turn.
func (f *Forecaster) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return cmp.Or(f.model.Close(), closeAll(f.others))
}

// Horizon is how many values are forecast.
func (f *Forecaster) Horizon() int { return f.config.Model.Forecast.Horizon }

// CheckQuantile says whether the model knows a quantile: all of a distribution, those between the smallest and the
// largest that it has learned, or none.
func (f *Forecaster) CheckQuantile(p float64) error {
	if err := f.model.CheckQuantile(p); err != nil {
		return badData(
			"the quantile %g: %v; a model that is trained with `loss` quantile, gaussian, student or negbin has some", p, err,
		)
	}
	for _, o := range f.others {
		if err := o.CheckQuantile(p); err != nil {
			return err
		}
	}
	return nil
}

// Forecast forecasts what follows each series of a set, whose columns must be named as those that the model has
// learned from. A set of a single column may call it otherwise. What is known in advance must be there for the
// horizon.
func (f *Forecaster) Forecast(ctx context.Context, set *series.Set) ([]SeriesForecast, error) {
	all, err := f.own(ctx, set)
	if err != nil {
		return nil, err
	}
	for _, o := range f.others {
		more, err := o.own(ctx, set)
		if err != nil {
			return nil, err
		}
		for i := range all { // the same series in the same order
			all[i].forecasts = append(all[i].forecasts, more[i].forecasts...)
			for h, y := range more[i].Points {
				all[i].Points[h] += y
			}
		}
	}
	for i := range all {
		for h := range all[i].Points {
			all[i].Points[h] /= float64(1 + len(f.others))
		}
	}
	return all, nil
}

// own is what the model of the run forecasts, without those that joined it.
func (f *Forecaster) own(ctx context.Context, set *series.Set) ([]SeriesForecast, error) {
	d, err := f.config.apply(f.columns, set)
	if err != nil {
		return nil, err
	}
	var ends []origin
	for i := range set.Series {
		s := &d.set.Series[i]
		for k, known := range s.Known {
			if have := len(known) - s.Len(); have < f.Horizon() {
				return nil, &datasets.Error{File: set.Name, Line: s.Line, What: fmt.Sprintf(
					"series %q: %s is known for %s after the last value, and the forecast needs %d: add rows with it and "+
						"without values",
					s.ID, f.columns.Known[k].Name, words.Count(max(have, 0), "step", "steps"), f.Horizon())}
			}
		}
		if s.Len() > 0 {
			ends = append(ends, origin{i, s.Len()})
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []SeriesForecast
	for block := range slices.Chunk(ends, mostWindows) {
		if err := done(ctx); err != nil {
			return nil, err
		}
		forecasts, err := forecast(f.model, d.windows(block))
		if err != nil {
			return nil, err
		}
		for i := range forecasts {
			for target := range f.columns.Targets {
				all = append(all, d.following(block[i], &forecasts[i], target))
			}
		}
	}
	return all, nil
}

// apply makes series ready for a model that has learned.
func (c *Config) apply(columns *seriesColumns, set *series.Set) (*seriesData, error) {
	if set == nil {
		return nil, badData("there are no series: read some with series.Read")
	}
	fitted, err := columns.fitting(set)
	if err != nil {
		return nil, err
	}
	d, err := newSeriesData(fitted, columns, c.Model.Forecast, 0)
	if err != nil {
		return nil, err
	}
	return d, d.checkLog()
}

// following is what follows a series from an origin on, as it is forecast.
func (d *seriesData) following(o origin, forecast *trainer.Forecast, target int) SeriesForecast {
	s := &d.set.Series[o.series]
	points, _ := d.points([]*trainer.Forecast{forecast}, target, nil)
	f := SeriesForecast{
		ID: s.ID, Target: d.columns.Targets[target], Points: points,
		forecasts: []*trainer.Forecast{forecast}, target: target, history: s.Values[target][:o.t], step: d.set.Step,
	}
	if !d.set.Step.IsZero() && !s.Start.IsZero() {
		f.Start = d.set.Step.Add(s.Start, o.t)
	}
	return f
}

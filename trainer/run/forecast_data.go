package run

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/internal/exchange"
	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

// seriesColumns are the columns of series as a model has learned them: columns.json.
type seriesColumns struct {
	Targets  []string    `json:"targets"`
	Known    []covariate `json:"known,omitempty"`
	Calendar []string    `json:"calendar,omitempty"` // features of series.Calendar, two covariates each
	Static   []category  `json:"static,omitempty"`
	Step     series.Step `json:"step"`
}

// covariate is one that a file has. A model sees it less its mean, over its deviation, which are those of what it
// learned from.
type covariate struct {
	Name      string  `json:"name"`
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"`
}

// category is a static feature with its categories.
type category struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// Len and JSON are what readModelFile wants.
func (c *seriesColumns) Len() int { return len(c.Targets) }
func (c *seriesColumns) JSON() []byte {
	data, _ := json.MarshalIndent(c, "", "  ")
	return append(data, '\n')
}

// columnsName is a file in the folder of a run, and maxColumns how many bytes of it are read.
const (
	columnsName = "columns.json"
	maxColumns  = 1 << 26
)

func readColumns(path string) (*seriesColumns, error) {
	data, err := safefile.Read(path, maxColumns)
	if err != nil {
		return nil, err
	}
	c := &seriesColumns{}
	err = json.Unmarshal(data, c)
	if err == nil {
		_, err = c.calendar()
	}
	if err != nil {
		return nil, &checkpoint.CorruptError{File: path, What: "not the columns of a run: restore it from a copy of the run"}
	}
	return c, nil
}

// fits says whether a configuration speaks of these columns.
func (c *seriesColumns) fits(f *ForecastModel) bool {
	return len(c.Targets) == f.Targets && c.covariateCount() == f.Known && slices.Equal(c.sizes(), f.Static)
}

// covariateCount is how many covariates a model sees.
func (c *seriesColumns) covariateCount() int { return len(c.Known) + 2*len(c.Calendar) }

// calendar makes covariates of times: a sine and a cosine for each feature.
func (c *seriesColumns) calendar() (*series.Calendar, error) {
	return series.NewCalendar(c.Calendar, false)
}

// moments are what the covariates that a model sees are scaled by; those of the calendar are not.
func (c *seriesColumns) moments() (all []exchange.Moments) {
	for _, k := range c.Known {
		all = append(all, exchange.Moments{Mean: k.Mean, Deviation: k.Deviation})
	}
	for range c.covariateCount() - len(c.Known) {
		all = append(all, exchange.Moments{Deviation: 1})
	}
	return all
}

// sizes are the numbers of categories.
func (c *seriesColumns) sizes() (n []int) {
	for _, s := range c.Static {
		n = append(n, len(s.Values))
	}
	return n
}

// newColumns are those of a set, of which the first values of each series are to be learned from.
func newColumns(set *series.Set, calendar bool, held int) *seriesColumns {
	c := &seriesColumns{Targets: set.Targets, Step: set.Step}
	for k, name := range set.Known {
		var all []float64
		for i := range set.Series {
			s := &set.Series[i]
			all = append(all, s.Known[k][:max(0, min(s.Len()-held, len(s.Known[k])))]...)
		}
		mean, deviation := moments(all)
		c.Known = append(c.Known, covariate{name, mean, deviation})
	}
	if calendar {
		c.Calendar = set.Step.Calendar()
	}
	for k, name := range set.Static {
		seen := map[string]bool{}
		for i := range set.Series {
			seen[set.Series[i].Static[k]] = true
		}
		c.Static = append(c.Static, category{name, sortedKeys(seen)})
	}
	return c
}

func sortedKeys(m map[string]bool) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// moments are mean and deviation of the values that are not missing, the deviation 1 where it is 0.
func moments(values []float64) (mean, deviation float64) {
	n := 0.0
	for _, x := range values {
		if !math.IsNaN(x) {
			mean, n = mean+x, n+1
		}
	}
	mean /= max(n, 1)
	for _, x := range values {
		if !math.IsNaN(x) {
			deviation += (x - mean) * (x - mean)
		}
	}
	if deviation = math.Sqrt(deviation / max(n, 1)); deviation == 0 {
		deviation = 1
	}
	return mean, deviation
}

// seriesData are series as a model reads them.
type seriesData struct {
	set     *series.Set
	columns *seriesColumns
	model   *ForecastModel
	known   [][][]float64 // [series][covariate][t], scaled, as far as they are known
	static  [][]int       // [series][feature]
	errors  [][]float64   // [series][target]: see trainer.Window.Error
	learn   []int         // how many first values of each series are learned from
}

// newSeriesData makes series ready whose first values, all but held, are learned from.
func newSeriesData(set *series.Set, c *seriesColumns, f *ForecastModel, held int) (*seriesData, error) {
	d := &seriesData{set: set, columns: c, model: f}
	for i := range set.Series {
		s := &set.Series[i]
		n := s.Len() - held
		if n < 1 {
			n = s.Len() // too short to be measured: see validated
		}
		d.learn = append(d.learn, n)
		known, err := c.covariates(set, s, f)
		if err != nil {
			return nil, err
		}
		d.known = append(d.known, known)
		var static []int
		for k, feature := range c.Static {
			static = append(static, slices.Index(feature.Values, s.Static[k]))
		}
		d.static = append(d.static, static)
		var errs []float64
		for _, values := range s.Values {
			errs = append(errs, metrics.SeasonalScale(values[:n], f.Season))
		}
		d.errors = append(d.errors, errs)
	}
	return d, nil
}

// covariates are those of a series, scaled; those of the calendar go on for a horizon after its end.
func (c *seriesColumns) covariates(set *series.Set, s *series.Series, f *ForecastModel) ([][]float64, error) {
	var known [][]float64
	for k, covariate := range c.Known {
		values := make([]float64, len(s.Known[k]))
		for t, x := range s.Known[k] {
			values[t] = (x - covariate.Mean) / covariate.Deviation
		}
		known = append(known, values)
	}
	if len(c.Calendar) > 0 && s.Start.IsZero() {
		return nil, &datasets.Error{File: set.Name, Line: s.Line,
			What: fmt.Sprintf("series %q has no times, of which the model reads the calendar: name a column with --time", s.ID)}
	}
	calendar, err := c.calendar()
	if err != nil {
		return nil, err
	}
	columns, err := calendar.At(s.Start, set.Step, s.Len()+f.Horizon)
	return append(known, columns...), err
}

// window is the one of a series that ends before value t, and what follows up to value end; those behind are missing.
func (d *seriesData) window(i, t, end int) trainer.Window {
	f, s := d.model, &d.set.Series[i]
	w := trainer.Window{Static: d.static[i], Error: d.errors[i]}
	for _, values := range s.Values {
		future := slices.Repeat([]float64{math.NaN()}, f.Horizon)
		copy(future, values[t:max(t, min(end, len(values), t+f.Horizon))])
		w.Past = append(w.Past, values[max(0, t-f.steps()*f.Patch):t])
		w.Future = append(w.Future, future)
	}
	for _, known := range d.known[i] {
		w.Known = append(w.Known, f.knownIn(known, t))
	}
	return w
}

// knownIn are the values of a covariate in the window before t and in the horizon; NaN where there is none.
func (f *ForecastModel) knownIn(known []float64, t int) []float64 {
	before := f.steps() * f.Patch
	values := make([]float64, before+(f.Horizon+f.Patch-1)/f.Patch*f.Patch)
	for k := range values {
		if at := t - before + k; at >= 0 && at < len(known) && k < before+f.Horizon {
			values[k] = known[at]
		} else {
			values[k] = math.NaN()
		}
	}
	return values
}

// differences says in words in what a set that has the columns is unlike what the model has learned from: another step,
// or a single column of another name.
func (c *seriesColumns) differences(set *series.Set) (notes []string) {
	if !set.Step.IsZero() && !c.Step.IsZero() && set.Step.String() != c.Step.String() {
		notes = append(notes, fmt.Sprintf("%s has a value every %s, and the model has learned from a value every %s", set.Name,
			set.Step, c.Step))
	}
	if len(set.Targets) == 1 && len(c.Targets) == 1 && set.Targets[0] != c.Targets[0] {
		notes = append(notes, fmt.Sprintf("%s: the column %q is taken for %q, which the model has learned from", set.Name,
			set.Targets[0], c.Targets[0]))
	}
	return notes
}

// fitting are the columns of a set in the order in which a model has learned them.
func (c *seriesColumns) fitting(set *series.Set) (*series.Set, error) {
	lacks := func(what, name string) error {
		return &datasets.Error{File: set.Name,
			What: fmt.Sprintf("no %s %q, which the model has learned from: name it as the run's data do", what, name)}
	}
	fitted := *set
	fitted.Series = slices.Clone(set.Series)
	target := make([]int, len(c.Targets))
	for k, name := range c.Targets {
		if target[k] = slices.Index(set.Targets, name); target[k] < 0 {
			if len(c.Targets) != 1 || len(set.Targets) != 1 {
				return nil, lacks("column", name)
			}
			target[k] = 0
		}
	}
	known, static := make([]int, len(c.Known)), make([]int, len(c.Static))
	for k, v := range c.Known {
		if known[k] = slices.Index(set.Known, v.Name); known[k] < 0 {
			return nil, lacks("covariate", v.Name)
		}
	}
	for k, v := range c.Static {
		if static[k] = slices.Index(set.Static, v.Name); static[k] < 0 {
			return nil, lacks("static feature", v.Name)
		}
	}
	for i := range fitted.Series {
		s, from := &fitted.Series[i], &set.Series[i]
		s.Values, s.Known, s.Static = nil, nil, nil
		for _, k := range target {
			s.Values = append(s.Values, from.Values[k])
		}
		for _, k := range known {
			s.Known = append(s.Known, from.Known[k])
		}
		for _, k := range static {
			s.Static = append(s.Static, from.Static[k])
		}
	}
	return &fitted, nil
}

// checkLog says that a model takes the logarithm of a value that has none.
func (d *seriesData) checkLog() error {
	if d.model.Log != "yes" {
		return nil
	}
	for i := range d.set.Series {
		s := &d.set.Series[i]
		for _, values := range s.Values {
			for t, y := range values {
				if y <= 0 {
					return &datasets.Error{File: d.set.Name, Line: s.Line, What: fmt.Sprintf(
						"series %q has the value %g (its %s), and the model takes logarithms: train one with --log no", s.ID, y,
						words.Thousands(t+1))}
				}
			}
		}
	}
	return nil
}

// readSeries reads series that a source names.
func readSeries(name string, s *Source) (*series.Set, error) {
	var o series.Options
	if s.Series != nil {
		o = *s.Series
	}
	set, err := series.Read(s.Paths[0], o)
	return set, NewInputError(name, errors.WithStack(err))
}

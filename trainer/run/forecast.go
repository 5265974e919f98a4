package run

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer"
)

// ForecastTask is a forecaster that learns series.
type ForecastTask struct {
	*trainer.Forecaster
	config    *Config
	data      *seriesData
	origins   []origin // of validation
	baselines map[string]ForecastScore
	drawn     []int // the series that windows are drawn from
	notes     []string
	feed      feed[*trainer.ForecastBatch]
}

// NewForecaster makes a forecaster that learns series, with fresh weights. It is validated on the last values of
// each, as many as its horizon, which it does not learn from.
func NewForecaster(c Config, set *series.Set, opts ...Option) (*ForecastTask, error) {
	if err := c.begin(TaskForecast, opts); err != nil {
		return nil, err
	}
	if set == nil || len(set.Series) == 0 {
		return nil, badData("there are no series to learn from: read some with series.Read, or make a series.Set")
	}
	set = identifiedSet(*set)
	paths, err := absolute([]string{set.Name})
	if err != nil {
		return nil, err
	}
	from := &Source{Kind: KindSeries, Paths: paths, SHA256: set.SHA256}
	if c.Data.Train != nil {
		from.Series = c.Data.Train.Series
	}
	c.Data.Train = from
	return newForecastTask(&c, set)
}

// readForecaster reads the series that a configuration names.
func readForecaster(c *Config) (*ForecastTask, error) {
	s := c.Data.Train
	if s == nil {
		return nil, settings("`series` is missing: name the file of series to learn from")
	}
	set, err := readSeries("`series`", s)
	if err != nil {
		return nil, err
	}
	s.SHA256 = set.SHA256
	if s.Paths, err = absolute(s.Paths); err != nil {
		return nil, err
	}
	return newForecastTask(c, set)
}

// newForecastTask writes into c what the series say of the model.
func newForecastTask(c *Config, set *series.Set) (*ForecastTask, error) {
	model := *c.Model.Forecast // which others may have
	f := &model
	c.Model.Forecast = f
	notes, err := c.chooseForecast(set)
	if err != nil {
		return nil, err
	}
	t := &ForecastTask{config: c, notes: append(append(known(c.origin(nil)), set.Notes...), notes...)}
	held := f.Horizon
	if f.TrainAll {
		held = 0
		t.notes = append(t.notes, "nothing is held out: validation measures values that are learned from")
	}
	var columns *seriesColumns
	if b := c.with.from; b != nil {
		if columns = b.run.columns; columns != nil {
			if set, err = columns.fitting(set); err != nil {
				return nil, err
			}
		}
	} else {
		columns = newColumns(set, f.Calendar, held)
	}
	if t.data, err = newSeriesData(set, columns, f, held); err != nil {
		return nil, err
	}
	if err := f.checkSeries(t.data); err != nil {
		return nil, err
	}
	if err := t.divide(); err != nil {
		return nil, err
	}
	if t.baselines, err = t.data.baselines(t.origins); err != nil {
		return nil, err
	}
	t.notes = append(t.notes, known(f.chooseNaive2(t.baselines))...)
	f.Targets, f.Known, f.Static, f.ColumnsSHA256 = len(columns.Targets), columns.covariateCount(), columns.sizes(),
		sha256Hex(columns.JSON())
	if err := c.Check(); err != nil {
		return nil, err
	}
	t.feed.fill = t.fill
	if t.Forecaster, err = c.newForecaster(); err != nil {
		return nil, c.ownWords(err)
	}
	if err := c.start(t, nil); err != nil {
		return nil, err
	}
	return t, nil
}

// divide finds the series to learn from and the origins of validation, and says which are too short.
func (t *ForecastTask) divide() error {
	d, f := t.data, t.data.model
	var single, short []string
	for i := range d.set.Series {
		s := &d.set.Series[i]
		if d.learn[i] > 1 {
			t.drawn = append(t.drawn, i)
		} else if s.Len() == 1 {
			single = append(single, s.ID)
		}
		if d.learn[i] == s.Len() && !f.TrainAll {
			short = append(short, s.ID)
		}
	}
	origins, err := d.origins(1, 1)
	if err != nil {
		return err
	}
	for _, o := range origins {
		if f.TrainAll || d.learn[o.series] < d.set.Series[o.series].Len() {
			t.origins = append(t.origins, o)
		}
	}
	what := func(ids []string, which string) {
		if len(ids) > 0 {
			t.notes = append(t.notes, fmt.Sprintf("%s: %s",
				words.Count(len(ids), "series has", "series have")+" "+which, someOf(ids)))
		}
	}
	what(single, "one value, and nothing is learned from it")
	what(short, fmt.Sprintf("no more than the %s of the horizon, so that no value is held out for validation",
		words.Count(f.Horizon, "value", "values")))
	name := d.set.Name
	switch {
	case len(t.drawn) == 0:
		return &datasets.Error{File: name, What: "no series has two values to learn from: longer series, or a " +
			"shorter --horizon, are needed"}
	case len(t.origins) == 0:
		return &datasets.Error{File: name, What: fmt.Sprintf(
			"no series has more than the %d values of the horizon, so that none can be validated: longer series, "+
				"or a shorter --horizon, are needed", f.Horizon)}
	}
	return nil
}

// someOf are the first of names.
func someOf(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %s others", strings.Join(names[:most], ", "), words.Thousands(len(names)-most))
}

// fill draws the windows of a step: a series, each with the same probability, and then where the window ends.
func (t *ForecastTask) fill(step int) (*trainer.ForecastBatch, error) {
	c := &t.config.Training
	r := rand.New(rand.NewPCG(c.Seed, uint64(step)))
	windows := make([]trainer.Window, c.Batch*c.Accumulate)
	for k := range windows {
		windows[k] = t.draw(r)
	}
	return t.Batch(windows)
}

// draws is how often a window is drawn again that has no value to read, or none to forecast.
const draws = 20

func (t *ForecastTask) draw(r *rand.Rand) (w trainer.Window) {
	d, f := t.data, t.data.model
	for range draws {
		i := t.drawn[r.IntN(len(t.drawn))]
		n := d.learn[i]
		from, to := 1, n-1 // of a series that is shorter than the horizon some values are forecast
		if n > f.Horizon {
			to = n - f.Horizon
			from = min(f.Window, (to+1)/2)
		}
		at := from + r.IntN(to-from+1)
		w = d.window(i, at, n)
		if d.knows(i, at) && anyValue(w.Future) {
			break
		}
	}
	return w
}

// Config implements Task.
func (t *ForecastTask) Config() *Config { return t.config }

// Epoch is the number of steps in which as many values are forecast as there are to learn from.
func (t *ForecastTask) Epoch() int {
	values := 0
	for _, i := range t.drawn {
		values += t.data.learn[i]
	}
	c := &t.config.Training
	return max(1, int(math.Ceil(float64(values)/float64(c.Batch*c.Accumulate*t.data.model.Horizon))))
}

// largest takes a training step on the largest batch.
func (t *ForecastTask) largest() error {
	b, err := t.feed.fill(0)
	if err == nil {
		_, _, err = t.Train(b, 0, 0)
	}
	return err
}

// Step implements Task.
func (t *ForecastTask) Step(before int, rate float64) (loss, norm float64, tokens int, err error) {
	b, err := t.feed.next(before)
	if err != nil {
		return 0, 0, 0, err
	}
	loss, norm, err = t.Train(b, before, rate)
	c, f := &t.config.Training, t.data.model
	return loss, norm, c.Batch * c.Accumulate * (f.Window + f.Horizon), err
}

// Close frees the model.
func (t *ForecastTask) Close() error {
	t.feed.close()
	return t.Forecaster.Close()
}

// Validate implements Task.
func (t *ForecastTask) Validate(ctx context.Context) (Metrics, error) {
	return measureForecasts(ctx, t.origins, t.baselines, forecasting{t.Forecaster, t.data})
}

// Files are the columns, as the folder of the run holds them.
func (t *ForecastTask) Files() map[string][]byte {
	return map[string][]byte{columnsName: t.data.columns.JSON()}
}

// Verify says whether those in a folder are those of the task.
func (t *ForecastTask) Verify(dir string) error { return verifyFiles(dir, t.config) }

// Describe says what is trained on what.
func (t *ForecastTask) Describe(weights int) []string {
	c, f := t.config, t.data.model
	values := 0
	for i := range t.data.set.Series {
		values += t.data.set.Series[i].Len()
	}
	var columns string
	if f.Targets > 1 {
		columns = fmt.Sprintf(", %d columns", f.Targets)
	}
	if f.Known > 0 {
		columns += ", " + words.Count(f.Known, "covariate", "covariates")
	}
	if len(f.Static) > 0 {
		columns += ", " + words.Count(len(f.Static), "static feature", "static features")
	}
	logs := ""
	if f.Log == "yes" {
		logs = " of logarithms"
	}
	held := fmt.Sprintf("the last %s of %s for validation", words.Thousands(f.Horizon), words.Thousands(len(t.origins)))
	if f.TrainAll {
		held = "none of them for validation"
	}
	season := ""
	if f.Season > 1 {
		season = fmt.Sprintf(", season %d", f.Season)
	}
	return append([]string{
		fmt.Sprintf("training on %s: %s, %s values%s, %s", t.data.set.Name,
			words.Count(len(t.data.set.Series), "series", "series"),
			words.Thousands(values), columns, held),
		fmt.Sprintf("model: %s, layers %d, hidden %d, %s head; %s weights, on %s", c.Model.Cell, c.Model.Layers,
			c.Model.Hidden, f.Head,
			words.Thousands(weights), t.Device()),
		fmt.Sprintf("forecast %s from %s, in patches of %d%s; scale %s%s, residual %s, loss %s",
			words.Count(f.Horizon, "value", "values"),
			words.Thousands(f.Window), f.Patch, season, f.Scale, logs, f.Residual, f.Loss),
		fmt.Sprintf("batch %d: %s an epoch; %s", c.Training.Batch, words.Count(t.Epoch(), "step", "steps"),
			c.Training.summary()),
	}, t.notes...)
}

package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

// caseInput reads a series that is classified, or has a number.
func caseInput(raw json.RawMessage, r *run.Run) (any, error) {
	var n numbers
	if err := json.Unmarshal(raw, &n); err != nil {
		return nil, errors.New("it must be an array of numbers or, for several channels, an array of such arrays")
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	n, _ = n.trimmed(false)
	if err := n.check(); err != nil {
		return nil, err
	}
	if want := r.Config().Model.Series.Inputs.Channels; len(n) != want {
		return nil, errors.Errorf("it has %s, and the model reads %d", words.Count(len(n), "channel", "channels"), want)
	}
	return series.Case{Values: n}, nil
}

// caseSteps is how long such a series is.
func caseSteps(input any) int { return len(input.(series.Case).Values[0]) }

// cases are inputs that are series.
func cases(inputs []any) *series.Cases {
	all := &series.Cases{Name: "inputs", Channels: len(inputs[0].(series.Case).Values), Unlabelled: true}
	for _, x := range inputs {
		all.Cases = append(all.Cases, x.(series.Case))
	}
	return all
}

// callerFault makes a *callError of an error that is about what the caller gave.
func callerFault(err error) error {
	var data *run.DataError
	var file *datasets.Error
	switch {
	case errors.As(err, &data):
		return wrong("%s", data.What)
	case errors.As(err, &file):
		return wrong("%s", flags.ReplaceAllStringFunc(file.What, func(flag string) string {
			return strconv.Quote(strings.ReplaceAll(flag[2:], "-", "_"))
		}))
	}
	return err
}

// flags are those of the command, which errors about texts name. A caller has options of the same names.
var flags = regexp.MustCompile(`--[a-z][a-z-]+`)

// regressor gives series a number.
type regressor struct {
	run   *run.Run
	model *run.Regressor
}

func openRegressor(r *run.Run) (task, error) {
	m, err := r.Regressor()
	if err != nil {
		return nil, err
	}
	return &regressor{r, m}, nil
}

func (g *regressor) input(raw json.RawMessage) (any, error) { return caseInput(raw, g.run) }
func (g *regressor) steps(input any) int                    { return caseSteps(input) }
func (g *regressor) check(*options) error                   { return nil }
func (g *regressor) together(*options) bool                 { return true }
func (g *regressor) close() error                           { return g.model.Close() }

func (g *regressor) predict(ctx context.Context, _ *options, inputs []any, _ func(token)) ([]output, error) {
	predicted, err := g.model.Predict(ctx, cases(inputs))
	if err != nil {
		return nil, callerFault(err)
	}
	outputs := make([]output, len(inputs))
	for i, x := range predicted {
		outputs[i].Values = floats([]float64{x})
	}
	return outputs, nil
}

// forecaster says what follows a series.
type forecaster struct {
	run   *run.Run
	model *run.Forecaster
}

func openForecaster(r *run.Run) (task, error) {
	m, err := r.Forecaster()
	if err != nil {
		return nil, err
	}
	return &forecaster{r, m}, nil
}

func (f *forecaster) together(*options) bool { return true }
func (f *forecaster) close() error           { return f.model.Close() }
func (f *forecaster) steps(any) int          { return 1 } // all windows are as long

// input reads a series: its values alone, or an object.
func (f *forecaster) input(raw json.RawMessage) (any, error) {
	var s seriesInput
	if json.Unmarshal(raw, &s.Values) != nil {
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, errors.New("it must be an array of numbers, or an object with values: see /openapi.json")
		}
	}
	if err := s.Values.check(); err != nil {
		return nil, err
	}
	if want := len(f.model.Targets()); len(s.Values) != want {
		return nil, errors.Errorf("it has values of %s, and the model forecasts %d",
			words.Count(len(s.Values), "column", "columns"), want)
	}
	set := f.model.Set("inputs")
	known := set.Known
	if len(s.Known) != len(known) {
		return nil, errors.Errorf("known has %s, and the model reads %d: %q",
			words.Count(len(s.Known), "covariate", "covariates"), len(known), known)
	}
	for i, x := range s.Known {
		if want := len(s.Values[0]) + f.model.Horizon(); len(x) < want {
			return nil, errors.Errorf("%s is known for %d steps: %d values and the horizon need %d", known[i], len(x),
				len(s.Values[0]), want)
		}
	}
	if want := set.Static; len(s.Static) != len(want) {
		return nil, errors.Errorf("static has %d of the %d features that the model reads: %q", len(s.Static), len(want), want)
	}
	return f.series(&s, set.Step)
}

// series is an input as the model takes it: it begins and ends with a value.
func (f *forecaster) series(s *seriesInput, step series.Step) (any, error) {
	values, lost := s.Values.trimmed(true)
	if len(values[0]) == 0 {
		return nil, errors.New("all values are missing")
	}
	x := series.Series{ID: s.ID, Values: values, Static: s.Static}
	for _, known := range s.Known {
		x.Known = append(x.Known, known[lost:])
	}
	if s.Start == "" {
		if f.model.Calendar() {
			return nil, errors.New("start is missing, the time of the first value: the model knows the calendar")
		}
		return x, nil
	}
	if step.IsZero() {
		return nil, errors.New("start has no meaning here: the model was trained on series without times")
	}
	start, err := parseTime(s.Start)
	if err == nil {
		x.Start = step.Add(start, lost)
	}
	return x, err
}

var timeForms = []string{time.RFC3339, time.DateOnly, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime,
	"2006-01-02 15:04"}

func parseTime(s string) (time.Time, error) {
	for _, form := range timeForms {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.Errorf("start is %q: it must be a time such as 2026-01-31 or 2026-01-31T15:00:00Z", s)
}

// check completes the quantiles.
func (f *forecaster) check(o *options) error {
	if o.Quantiles == nil {
		o.Quantiles = f.run.Config().Model.Forecast.Quantiles
		return nil
	}
	if len(o.Quantiles) > 100 {
		return wrong(`"quantiles" has %d elements: at most 100 are computed`, len(o.Quantiles))
	}
	for _, p := range o.Quantiles {
		if err := f.model.CheckQuantile(p); err != nil {
			return wrong("%s", err)
		}
	}
	return nil
}

func (f *forecaster) predict(ctx context.Context, o *options, inputs []any, _ func(token)) ([]output, error) {
	set := f.model.Set("inputs")
	for _, x := range inputs {
		set.Series = append(set.Series, x.(series.Series))
	}
	all, err := f.model.Forecast(ctx, set)
	if err != nil {
		return nil, callerFault(err)
	}
	targets := len(f.model.Targets())
	if len(all) != len(inputs)*targets {
		return nil, fmt.Errorf("%d forecasts of %d series", len(all), len(inputs))
	}
	outputs := make([]output, len(inputs))
	for i := range outputs {
		outputs[i] = forecastOutput(all[i*targets:][:targets], o.Quantiles)
	}
	return outputs, nil
}

// forecastOutput is the output of a series, of which each column was forecast.
func forecastOutput(columns []run.SeriesForecast, quantiles []float64) output {
	first := forecastOf(&columns[0], quantiles)
	out := output{ID: columns[0].ID, Target: first.Target, Values: first.Values, Quantiles: first.Quantiles}
	if !columns[0].Start.IsZero() {
		out.Start = &columns[0].Start
	}
	for i := range columns[1:] {
		out.MoreForecasts = append(out.MoreForecasts, forecastOf(&columns[1+i], quantiles))
	}
	return out
}

func forecastOf(f *run.SeriesForecast, quantiles []float64) forecast {
	x := forecast{Target: f.Target, Values: floats(f.Points)}
	for _, p := range slices.Sorted(slices.Values(quantiles)) {
		q := quantile{P: p}
		for h := range f.Points {
			q.Values = append(q.Values, run.Float(f.Quantile(h, p)))
		}
		x.Quantiles = append(x.Quantiles, q)
	}
	return x
}

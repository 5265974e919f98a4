package main

import (
	"context"
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/internal/apply"
	"github.com/unroll-ml/unroll/trainer/run"
)

// forecastCmd forecasts what follows series.
type forecastCmd struct {
	Dirs      []string  `arg:"" name:"RUN" help:"Folder that unroll train forecast wrote; several answer together."`
	Series    string    `placeholder:"FILE" help:"Forecast what follows these series, written as those that the run was trained on. Without it: those."`
	Quantiles []float64 `placeholder:"Q,..." help:"Write these quantiles, too, such as 0.1,0.9. Default: those that the run was trained for."`
	Picture   []string  `placeholder:"SERIES,..." help:"Draw these series, their forecasts and the intervals between quantiles, as SVG and PNG in the folder RUN."`
	JSON      bool      `name:"json" help:"Write a JSON object for each series instead of CSV."`
	useFlags
}

func (k *forecastCmd) Run(a *app) error {
	if err := k.check(); err != nil {
		return err
	}
	r, err := k.openAll(a, k.Dirs, run.TaskForecast)
	if err != nil {
		return err
	}
	set, err := k.read(a, r)
	if err != nil {
		return err
	}
	if err := k.compute(a, r); err != nil {
		return err
	}
	m, err := r.Forecaster()
	if err != nil {
		return err
	}
	defer m.Close()
	if k.Quantiles == nil {
		k.Quantiles = r.Config().Model.Forecast.Quantiles
	}
	for _, q := range k.Quantiles {
		if err := m.CheckQuantile(q); err != nil {
			return usage("--quantiles: %v", err)
		}
	}
	forecasts, err := m.Forecast(context.Background(), set)
	if err != nil {
		return err
	}
	if err := k.draw(a, r, forecasts); err != nil {
		return err
	}
	w := apply.Forecasts{Quantiles: k.Quantiles, To: a.texts()}
	if k.JSON {
		return w.JSON(forecasts)
	}
	return w.CSV(forecasts, len(m.Targets()) > 1)
}

// read reads the series to forecast, and says what was taken for what.
func (k *forecastCmd) read(a *app, r *run.Run) (*series.Set, error) {
	if k.Series == "" {
		return r.Series()
	}
	set, err := r.ReadSeries(k.Series)
	if err == nil {
		a.say(set.Notes)
	}
	return set, err
}

// draw draws the series that are wanted.
func (k *forecastCmd) draw(a *app, r *run.Run, forecasts []run.SeriesForecast) error {
	for _, id := range k.Picture {
		i := slices.IndexFunc(forecasts, func(f run.SeriesForecast) bool { return f.ID == id })
		if i < 0 {
			return usage("--picture %s: there is no such series", id)
		}
		paths, err := r.Draw(&forecasts[i], k.Quantiles)
		if err != nil {
			return err
		}
		notice(a.stderr)("drawn: " + strings.Join(paths, ", "))
	}
	return nil
}

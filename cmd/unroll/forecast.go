package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/trainer/run"
)

// forecastCmd forecasts what follows series.
type forecastCmd struct {
	Dir       string    `arg:"" name:"RUN" help:"Folder that unroll train forecast wrote."`
	Series    string    `placeholder:"FILE" help:"Forecast what follows these series, written as those that the run was trained on. Without it: those."`
	Quantiles []float64 `placeholder:"Q,..." help:"Write these quantiles, too, such as 0.1,0.9. Default: those that the run was trained for."`
	Picture   []string  `placeholder:"SERIES,..." help:"Draw these series, their forecasts and the intervals between quantiles, as SVG and PNG in the folder RUN."`
	JSON      bool      `name:"json" help:"Write a JSON object for each series instead of CSV."`
	useFlags
}

// forecastRecord is what forecast --json writes of a series.
type forecastRecord struct {
	Series    string                 `json:"series"`
	Target    string                 `json:"target"`
	Start     *time.Time             `json:"start,omitempty"` // of the first value
	Forecast  []run.Float            `json:"forecast"`
	Quantiles map[string][]run.Float `json:"quantiles,omitempty"`
}

func (k *forecastCmd) Run(a *app) error {
	if err := k.check(); err != nil {
		return err
	}
	r, err := k.open(a, k.Dir, run.TaskForecast)
	if err != nil {
		return err
	}
	set, err := k.read(r)
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
	if k.JSON {
		return k.writeJSON(a.texts(), forecasts)
	}
	return k.writeCSV(a.texts(), forecasts, len(m.Targets()) > 1)
}

// read reads the series to forecast.
func (k *forecastCmd) read(r *run.Run) (*series.Set, error) {
	if k.Series == "" {
		return r.Series()
	}
	return r.ReadSeries(k.Series)
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

// quantileName is what a column with a quantile is called.
func quantileName(q float64) string { return "q" + strconv.FormatFloat(q, 'g', -1, 64) }

// decimal writes a number so that reading it gives the same.
func decimal(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// writeCSV writes a row for each value. The column target is there if there are several.
func (k *forecastCmd) writeCSV(to io.Writer, forecasts []run.SeriesForecast, several bool) error {
	w := csv.NewWriter(to)
	head := []string{"series", "step", "forecast"}
	if several {
		head = slices.Insert(head, 1, "target")
	}
	for _, q := range k.Quantiles {
		head = append(head, quantileName(q))
	}
	w.Write(head)
	for i := range forecasts {
		f := &forecasts[i]
		for h, y := range f.Points {
			row := []string{f.ID, strconv.Itoa(h + 1), decimal(y)}
			if several {
				row = slices.Insert(row, 1, f.Target)
			}
			for _, q := range k.Quantiles {
				row = append(row, decimal(f.Quantile(h, q)))
			}
			w.Write(row)
		}
	}
	w.Flush()
	return errors.WithStack(w.Error())
}

func (k *forecastCmd) writeJSON(to io.Writer, forecasts []run.SeriesForecast) error {
	enc := json.NewEncoder(to)
	for i := range forecasts {
		f := &forecasts[i]
		rec := forecastRecord{Series: f.ID, Target: f.Target}
		if !f.Start.IsZero() {
			rec.Start = &f.Start
		}
		for _, y := range f.Points {
			rec.Forecast = append(rec.Forecast, run.Float(y))
		}
		for _, q := range k.Quantiles {
			if rec.Quantiles == nil {
				rec.Quantiles = map[string][]run.Float{}
			}
			for h := range f.Points {
				rec.Quantiles[decimal(q)] = append(rec.Quantiles[decimal(q)], run.Float(f.Quantile(h, q)))
			}
		}
		if err := enc.Encode(rec); err != nil {
			return errors.WithStack(err)
		}
	}
	return nil
}

// forecastTable shows the measures of a model beside those of the simplest forecasts.
func forecastTable(m *run.ForecastMeasures) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tsMAPE\tMASE\tOWA\tMAE\tRMSE\t")
	row := func(name string, s run.ForecastScore) {
		fmt.Fprintf(w, "%s\t%.3f\t%.3f\t%.3f\t%.5g\t%.5g\t\n", name, float64(s.SMAPE), float64(s.MASE), float64(s.OWA), float64(s.MAE), float64(s.RMSE))
	}
	row("model", m.ForecastScore)
	for _, name := range run.Baselines {
		row(strings.ReplaceAll(name, "_", " "), m.Baselines[name])
	}
	w.Flush()
	if m.QuantileLoss != nil {
		fmt.Fprintf(&b, "weighted quantile loss %.4f\n", float64(*m.QuantileLoss))
	}
	for _, c := range m.Coverage {
		fmt.Fprintf(&b, "%.0f%% intervals hold %.1f%% of the values\n", 100*float64(c.Level), 100*float64(c.Coverage))
	}
	if best := m.Best(); best != "" {
		fmt.Fprintf(&b, "the %s forecast is better than the model\n", strings.ReplaceAll(best, "_", " "))
	}
	return b.String()
}

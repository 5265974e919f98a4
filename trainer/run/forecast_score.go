package run

import (
	"context"
	"math"
	"slices"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/metrics"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// The forecasts that a model's are measured beside.
const (
	Naive         = "naive"          // the last value
	SeasonalNaive = "seasonal_naive" // the last season
	Naive2        = "naive2"         // of the M4 competition
)

// Baselines are their names.
var Baselines = []string{Naive, SeasonalNaive, Naive2}

// ForecastScore says what forecasts are worth: see metrics.Forecasts.
type ForecastScore struct {
	SMAPE Float `json:"smape"`
	MASE  Float `json:"mase"`
	OWA   Float `json:"owa"`
	MAE   Float `json:"mae"`
	RMSE  Float `json:"rmse"`
}

// ForecastMeasures are the measures of forecasts, and what the simplest forecasts reach on the same values.
type ForecastMeasures struct {
	ForecastScore
	QuantileLoss *Float                   `json:"quantile_loss,omitempty"` // weighted
	Coverage     []CoverageRecord         `json:"coverage,omitempty"`
	Baselines    map[string]ForecastScore `json:"baselines"`
	Series       int                      `json:"series"`
	Values       int                      `json:"values"`
}

// Best is the name of a simple forecast that is better than the model, the best of those: by OWA or, where that is
// undefined, by the mean absolute error; "" if none is.
func (m *ForecastMeasures) Best() string {
	by := func(s ForecastScore) float64 {
		if math.IsNaN(float64(m.OWA)) {
			return float64(s.MAE)
		}
		return float64(s.OWA)
	}
	best, least := "", by(m.ForecastScore)
	for _, name := range Baselines {
		if s, ok := m.Baselines[name]; ok && by(s) < least {
			best, least = name, by(s)
		}
	}
	return best
}

// CoverageRecord says how many values lie in an interval between two quantiles.
type CoverageRecord struct {
	Level    Float `json:"level"`    // that should
	Coverage Float `json:"coverage"` // that do
}

func scoreOf(t metrics.ForecastTotal) ForecastScore {
	return ForecastScore{SMAPE: Float(t.SMAPE), MASE: Float(t.MASE), OWA: Float(t.OWA), MAE: Float(t.MAE),
		RMSE: Float(t.RMSE)}
}

// origin is where a forecast of a series begins: it knows the values before t, and not those from there on.
type origin struct{ series, t int }

// origins are those of a backtest of the series, at most n of each, every values apart. Those that know no value are
// left out.
func (d *seriesData) origins(n, every int) (all []origin, err error) {
	for i := range d.set.Series {
		of, err := series.Origins(d.set.Series[i].Len(), d.model.Horizon, n, every, 1)
		if err != nil {
			return nil, err
		}
		for _, o := range of {
			if d.knows(i, o.At) {
				all = append(all, origin{i, o.At})
			}
		}
	}
	return all, nil
}

// knows says whether each target has a value before t.
func (d *seriesData) knows(i, t int) bool {
	for _, values := range d.set.Series[i].Values {
		some := false
		for _, y := range values[:t] {
			some = some || !math.IsNaN(y)
		}
		if !some {
			return false
		}
	}
	return true
}

// baselines are the scores of the simplest forecasts.
func (d *seriesData) baselines(origins []origin) (map[string]ForecastScore, error) {
	scores := map[string]ForecastScore{}
	season, horizon := d.model.Season, d.model.Horizon
	for name, forecast := range map[string]func(history []float64) []float64{
		Naive:         func(x []float64) []float64 { return metrics.Naive(x, horizon) },
		SeasonalNaive: func(x []float64) []float64 { return metrics.SeasonalNaive(x, season, horizon) },
		Naive2:        func(x []float64) []float64 { return metrics.Naive2(x, season, horizon) },
	} {
		all, err := metrics.NewForecasts(season, nil)
		if err != nil {
			return nil, err
		}
		for _, o := range origins {
			s := &d.set.Series[o.series]
			for _, values := range s.Values {
				if err := all.Add(s.ID, values[:o.t], values[o.t:o.t+horizon], forecast(values[:o.t]), nil); err != nil {
					return nil, err
				}
			}
		}
		scores[name] = scoreOf(all.Total())
	}
	return scores, nil
}

// mostWindows is how many windows are forecast at once: more are not faster.
const mostWindows = 128

// windows are those that begin at origins.
func (d *seriesData) windows(origins []origin) []trainer.Window {
	var windows []trainer.Window
	for _, o := range origins {
		windows = append(windows, d.window(o.series, o.t, o.t+d.model.Horizon))
	}
	return windows
}

// forecast forecasts windows; there are programs for few numbers of them.
func forecast(m *trainer.Forecaster, windows []trainer.Window) ([]trainer.Forecast, error) {
	n := len(windows)
	for len(windows) < batches.RowsInUse(n, m.StepCost()) {
		windows = append(windows, windows[0])
	}
	forecasts, err := m.Forecast(windows)
	if err != nil {
		return nil, err
	}
	return forecasts[:n], nil
}

// forecasting is a forecaster with series as it reads them.
type forecasting struct {
	*trainer.Forecaster
	data *seriesData
}

// measureForecasts measures a model, or the mean of what several forecast, on the values from origins on. The loss is
// that of training, of several models the mean of theirs. Quantiles are those of the first.
func measureForecasts(
	ctx context.Context, origins []origin, baselines map[string]ForecastScore, models ...forecasting,
) (Metrics, error) {
	d := models[0].data
	levels := d.model.Quantiles
	all, err := metrics.NewForecasts(d.model.Season, levels)
	if err != nil {
		return Metrics{}, err
	}
	loss, values, samples := 0.0, 0, []Sample(nil)
	var shown []origin
	for _, i := range evenly(numbers(len(origins)), validSamples) {
		shown = append(shown, origins[i])
	}
	blocks := slices.Collect(slices.Chunk(origins, mostWindows))
	err = parallel.Share(ctx, len(blocks), func(i int) (j judgedForecasts, err error) {
		return judge(models, blocks[i], levels)
	}, func(i int, j judgedForecasts) error {
		loss, values = loss+j.Loss, values+j.Values
		for k, o := range blocks[i] {
			s := &d.set.Series[o.series]
			for target, history := range s.Values {
				said, actual := &j.Said[k][target], history[o.t:o.t+d.model.Horizon]
				if err := all.Add(s.ID, history[:o.t], actual, said.Points, said.Quantiles); err != nil {
					return err
				}
				if target == 0 && slices.Contains(shown, o) {
					samples = append(samples, Sample{Input: s.ID, Output: sampleNumbers(said.Points),
						Wanted: sampleNumbers(actual), Numbers: true})
				}
			}
		}
		return nil
	})
	if err != nil {
		return Metrics{}, err
	}
	total := all.Total()
	measures := &ForecastMeasures{ForecastScore: scoreOf(total), Baselines: baselines, Series: total.Series,
		Values: total.Values}
	if len(levels) > 0 {
		measures.QuantileLoss = some(total.QuantileLoss)
	}
	for _, i := range total.Intervals {
		measures.Coverage = append(measures.Coverage, CoverageRecord{Float(i.Level), Float(i.Coverage)})
	}
	return Metrics{
		Loss:     loss / max(float64(values), 1),
		Samples:  samples,
		Measures: Measures{ForecastMeasures: measures, RMSE: &measures.RMSE, MAE: &measures.MAE},
	}, nil
}

// judgedForecasts are those of a block of windows.
type judgedForecasts struct {
	Loss   float64 // the sum over Values values
	Values int
	Said   [][]saidValues // by window and target
}

// saidValues are the forecasts of a target, and of each level its quantiles.
type saidValues struct {
	Points    []float64
	Quantiles [][]float64
}

// judge forecasts from the origins of a block, by one model or by several.
func judge(models []forecasting, block []origin, levels []float64) (j judgedForecasts, err error) {
	together := make([][]*trainer.Forecast, len(block))
	for _, m := range models {
		windows := m.data.windows(block)
		loss, values, err := m.Measure(padded(windows, m.StepCost()))
		if err != nil {
			return j, err
		}
		forecasts, err := forecast(m.Forecaster, windows)
		if err != nil {
			return j, err
		}
		j.Loss, j.Values = j.Loss+loss/float64(len(models)), values
		for i := range together {
			together[i] = append(together[i], &forecasts[i])
		}
	}
	d := models[0].data
	for i, o := range block {
		var said []saidValues
		for target := range d.set.Series[o.series].Values {
			points, quantiles := d.points(together[i], target, levels)
			said = append(said, saidValues{points, quantiles})
		}
		j.Said = append(j.Said, said)
	}
	return j, nil
}

// padded adds windows that nothing is measured of, so that there are programs for few numbers of them.
func padded(windows []trainer.Window, cost tape.StepCost) []trainer.Window {
	n := batches.RowsInUse(len(windows), cost)
	for len(windows) < n {
		none := windows[0]
		none.Future = nil
		windows = append(windows, none)
	}
	return windows
}

// points are what is forecast of a target, and its quantiles: the means of forecasts, one or several.
func (d *seriesData) points(
	forecasts []*trainer.Forecast, target int, levels []float64,
) (points []float64, quantiles [][]float64) {
	mean := func(of func(f *trainer.Forecast, h int) float64) []float64 {
		all := make([]float64, d.model.Horizon)
		for h := range all {
			for _, f := range forecasts {
				all[h] += of(f, h)
			}
			all[h] /= float64(len(forecasts))
		}
		return all
	}
	points = mean(func(f *trainer.Forecast, h int) float64 { return f.Point(target, h) })
	for _, p := range levels {
		quantiles = append(quantiles, mean(func(f *trainer.Forecast, h int) float64 { return f.Quantile(target, h, p) }))
	}
	return points, quantiles
}

package metrics

import (
	"math"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/setting"
)

// Forecasts gathers what the forecasts of many series are worth.
type Forecasts struct {
	season    int
	quantiles []float64
	scores    []ForecastScore
}

// ForecastScore says what the forecasts of one series are worth, or those of all.
type ForecastScore struct {
	ID     string
	Values int     // that were there to compare with
	SMAPE  float64 // of all series: the mean over them
	MASE   float64 // NaN if the history gives no scale; of all series: the mean over those that have one
	OWA    float64 // beside Naive2; of all series: of the means. NaN where it is undefined
	MAE    float64 // of all series: over all values
	RMSE   float64 // of all series: over all values

	// What the quantiles are worth: WeightedQuantileLoss, of all series over all values, and the intervals between
	// pairs of quantiles, the widest first. NaN and nil without quantiles.
	QuantileLoss float64
	Intervals    []Interval

	// Naive2 is what it reaches on the same values.
	Naive2SMAPE, Naive2MASE float64

	loss, size float64 // the sums that QuantileLoss is the ratio of
}

// Interval is one between the quantiles (1-Level)/2 and (1+Level)/2.
type Interval struct {
	Level    float64 // the part of the values that should lie in it
	Coverage float64 // the part that does
}

// ForecastTotal is the score of all series together.
type ForecastTotal struct {
	ForecastScore
	Series   int // that had values to compare with
	Unscaled int // of them: those without a scale, which MASE and OWA's part of it leave out
}

// NewForecasts gathers forecasts of series with a season, in steps, with forecasts of quantiles, which grow, or nil.
func NewForecasts(season int, quantiles []float64) (*Forecasts, error) {
	if err := setting.AtLeast("Season", season, 1); err != nil {
		return nil, err
	}
	for i, q := range quantiles {
		if !(q > 0 && q < 1) || i > 0 && q <= quantiles[i-1] {
			const want = "numbers between 0 and 1, each larger than the one before"
			return nil, &setting.Error{Setting: "Quantiles", Value: quantiles, Want: want}
		}
	}
	return &Forecasts{season: season, quantiles: slices.Clone(quantiles)}, nil
}

// Add compares the forecast of a series with what came, and with what Naive2 makes of the history, which must not
// hold what came: forecast[t] with actual[t], NaN where it is missing, and quantiles[i][t] of the quantile i.
func (f *Forecasts) Add(id string, history, actual, forecast []float64, quantiles [][]float64) error {
	if len(quantiles) != len(f.quantiles) {
		return errors.Errorf("series %q: %d quantiles, want %d", id, len(quantiles), len(f.quantiles))
	}
	if math.IsNaN(last(history)) {
		return errors.Errorf("series %q: its history has no value", id)
	}
	for _, x := range append([][]float64{forecast}, quantiles...) {
		if len(x) != len(actual) {
			return errors.Errorf("series %q: a forecast of %d steps, and %d values to compare it with", id, len(x), len(actual))
		}
		for t, v := range x {
			if v-v != 0 && !math.IsNaN(actual[t]) { // NaN for both NaN and infinities
				return errors.Errorf("series %q: the forecast of step %d is %g", id, t+1, v)
			}
		}
	}
	f.scores = append(f.scores, f.score(id, history, actual, forecast, quantiles))
	return nil
}

func (f *Forecasts) score(id string, history, actual, forecast []float64, quantiles [][]float64) ForecastScore {
	scale, naive2 := SeasonalScale(history, f.season), Naive2(history, f.season, len(actual))
	s := ForecastScore{
		ID:    id,
		SMAPE: SMAPE(actual, forecast), MASE: MASE(actual, forecast, scale),
		MAE: MAE(actual, forecast), RMSE: RMSE(actual, forecast),
		Naive2SMAPE: SMAPE(actual, naive2), Naive2MASE: MASE(actual, naive2, scale),
	}
	s.OWA = OWA(s.SMAPE, s.MASE, s.Naive2SMAPE, s.Naive2MASE)
	for _, y := range actual {
		if !math.IsNaN(y) {
			s.Values++
			s.size += math.Abs(y)
		}
	}
	for i, q := range f.quantiles {
		s.loss += 2 * Pinball(actual, quantiles[i], q) * float64(s.Values) / float64(len(f.quantiles))
		const close = 1e-9
		if j := slices.IndexFunc(f.quantiles, func(p float64) bool { return math.Abs(p+q-1) < close }); i < j {
			coverage := Coverage(actual, quantiles[i], quantiles[j])
			s.Intervals = append(s.Intervals, Interval{Level: f.quantiles[j] - q, Coverage: coverage})
		}
	}
	s.QuantileLoss = f.quantileLoss(s.loss, s.size)
	return s
}

func (f *Forecasts) quantileLoss(loss, size float64) float64 {
	if len(f.quantiles) == 0 || size == 0 {
		return math.NaN()
	}
	return loss / size
}

// Series are the scores of the series, in the order in which they were added.
func (f *Forecasts) Series() []ForecastScore { return f.scores }

// Total is the score of all series together.
func (f *Forecasts) Total() ForecastTotal {
	var t ForecastTotal
	var squares, scaled float64
	for _, s := range f.scores {
		n := float64(s.Values)
		if n == 0 {
			continue
		}
		t.Series++
		t.Values += s.Values
		t.SMAPE, t.Naive2SMAPE = t.SMAPE+s.SMAPE, t.Naive2SMAPE+s.Naive2SMAPE
		t.MAE, squares = t.MAE+s.MAE*n, squares+s.RMSE*s.RMSE*n
		t.loss, t.size = t.loss+s.loss, t.size+s.size
		if math.IsNaN(s.MASE) {
			t.Unscaled++
		} else {
			scaled++
			t.MASE, t.Naive2MASE = t.MASE+s.MASE, t.Naive2MASE+s.Naive2MASE
		}
		if t.Intervals == nil {
			t.Intervals = make([]Interval, len(s.Intervals))
		}
		for i, interval := range s.Intervals {
			t.Intervals[i].Level = interval.Level
			t.Intervals[i].Coverage += interval.Coverage * n
		}
	}
	series, values := float64(t.Series), float64(t.Values)
	t.SMAPE, t.Naive2SMAPE = t.SMAPE/series, t.Naive2SMAPE/series
	t.MASE, t.Naive2MASE = t.MASE/scaled, t.Naive2MASE/scaled
	t.MAE, t.RMSE = t.MAE/values, math.Sqrt(squares/values)
	for i := range t.Intervals {
		t.Intervals[i].Coverage /= values
	}
	t.OWA = OWA(t.SMAPE, t.MASE, t.Naive2SMAPE, t.Naive2MASE)
	t.QuantileLoss = f.quantileLoss(t.loss, t.size)
	return t
}

package run

import (
	"fmt"
	"math"
	"slices"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/internal/words"
)

// chooseForecast writes into a configuration what the data say of the model, where it does not say it itself. What it chooses
// it says.
func (c *Config) chooseForecast(set *series.Set) (notes []string, err error) {
	f := c.Model.Forecast
	if f.Horizon == 0 {
		if f.Horizon = set.Horizon; f.Horizon < 1 {
			return nil, settings("`horizon` is missing: %s does not say how many values are to be forecast", set.Name)
		}
		notes = append(notes, fmt.Sprintf("%s says a horizon of %s", set.Name, words.Count(f.Horizon, "value", "values")))
	}
	if f.Season == 0 {
		if f.Season = max(set.Season, 1); set.Season > 1 {
			notes = append(notes, fmt.Sprintf(
				"a season of %d values, as is usual for steps of this length (%v); `season` says another", f.Season, set.Step,
			))
		}
	}
	longest := 0
	for i := range set.Series {
		longest = max(longest, set.Series[i].Len())
	}
	if f.Season > longest && f.Season > 1 {
		notes = append(notes, fmt.Sprintf("the longest series has %s values, less than a season of %d: no season",
			words.Thousands(longest), f.Season))
		f.Season = 1
	}
	f.chooseWindow(longest)
	c.chooseLoss(set)
	return notes, nil
}

// mostPatch is the longest patch that is chosen: a step reads that many values.
const mostPatch = 48

// chooseWindow chooses the lengths, of which the longest series has so many values.
func (f *ForecastModel) chooseWindow(longest int) {
	if f.LongSeason == 0 && f.Season%24 == 0 && 7*f.Season+f.Horizon <= longest &&
		(f.Window == 0 || f.Window >= 7*f.Season) {
		f.LongSeason = 7 * f.Season
	}
	if f.Patch == 0 {
		f.Patch = max(f.Season, 1)
		for d := 2; f.Patch > mostPatch; d++ {
			if f.Season%d == 0 {
				f.Patch = f.Season / d
			}
		}
		if f.Window > 0 && f.Window%f.Patch != 0 {
			f.Patch = divisor(f.Window, f.Patch)
		}
	}
	if f.Window == 0 {
		f.Window = max(f.LongSeason, min(max(3*f.Season, 2*f.Horizon), max(longest-1, 1)), f.Season)
		f.Window = (f.Window + f.Patch - 1) / f.Patch * f.Patch
	}
	if f.Residual == Auto {
		switch {
		case f.Loss == "negbin":
			f.Residual = "none"
		case f.LongSeason > 0:
			f.Residual = "mix"
		case f.Season > 1 && f.Window >= f.Season:
			f.Residual = "seasonal"
		default:
			f.Residual = "last"
		}
	}
}

// divisor is the largest divisor of n that is at most d.
func divisor(n, d int) int {
	for n%d != 0 {
		d--
	}
	return d
}

// chooseLoss chooses the loss, and whether logarithms are taken.
func (c *Config) chooseLoss(set *series.Set) {
	f := c.Model.Forecast
	positive := true
	for i := range set.Series {
		for _, values := range set.Series[i].Values {
			positive = positive && !slices.ContainsFunc(values, func(y float64) bool { return y <= 0 })
		}
	}
	if f.Loss == Auto {
		switch {
		case len(f.Quantiles) > 0:
			f.Loss = "quantile"
		case positive:
			f.Loss = "owa"
		default:
			f.Loss = "mase"
		}
	}
	if f.Log == Auto {
		f.Log = "no"
		if positive && f.Loss != "negbin" {
			f.Log = "yes"
		}
	}
}

// checkSeries says what is wrong with data for the settings that were chosen.
func (f *ForecastModel) checkSeries(d *seriesData) error {
	set := d.set
	if f.Window%f.Patch != 0 {
		return settings("`window` is %d: it must be a multiple of `patch`, which is %d", f.Window, f.Patch)
	}
	if f.Calendar && set.Step.IsZero() {
		return settings("`calendar` makes covariates of times, and %s has none: name the column of times with `time`, "+
			"or leave it out", set.Name)
	}
	if f.Calendar && set.Step.Calendar() == nil {
		return settings("`calendar` says nothing of values that are a %s apart, as those of %s: leave it out",
			set.Step, set.Name)
	}
	if f.Loss == "negbin" {
		for i := range set.Series {
			for _, values := range set.Series[i].Values {
				for _, y := range values {
					if y < 0 || y != math.Trunc(y) && !math.IsNaN(y) {
						return &datasets.Error{File: set.Name, Line: set.Series[i].Line, What: fmt.Sprintf(
							"series %q has the value %g, and `loss` negbin is for counts, 0, 1, 2, ...: choose another loss",
							set.Series[i].ID, y)}
					}
				}
			}
		}
	}
	return d.checkLog()
}

// chooseNaive2 writes what the loss owa divides by: the errors of Naive2 on the validation values. Where it makes
// none, the loss is mase, or mae without a scale.
func (f *ForecastModel) chooseNaive2(total map[string]ForecastScore) (note string) {
	if f.Loss != "owa" && f.Loss != "mase" {
		return ""
	}
	n := total[Naive2]
	smape, mase := float64(n.SMAPE)/200, float64(n.MASE)
	good := func(x float64) bool { return x > 0 && !math.IsInf(x, 1) }
	switch {
	case f.Loss == "owa" && good(smape) && good(mase):
		f.Naive2SMAPE, f.Naive2MASE = 2*smape, mase
		return ""
	case f.Loss == "mase" && good(mase):
		return ""
	case good(mase):
		f.Loss = "mase"
	default:
		f.Loss = "mae"
	}
	return fmt.Sprintf("the loss is %s: Naive2 makes no error on the validation values, or there are none", f.Loss)
}

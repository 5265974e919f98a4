package run

import (
	"bytes"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/internal/plots"
	"github.com/unroll-ml/unroll/internal/setting"
)

// horizonsShown is how many horizons of a series a picture shows before the forecast.
const horizonsShown = 4

// Draw writes pictures of a series and its forecast into the folder of the run, forecast-SERIES.svg and .png,
// with the intervals between those quantiles that lie as far from 0 as others from 1. It gives their paths.
func (r *Run) Draw(f *SeriesForecast, quantiles []float64) (paths []string, err error) {
	is := f != nil && len(f.forecasts) > 0
	if err := setting.Set("SeriesForecast", is, "one that Forecaster.Forecast gave"); err != nil {
		return nil, err
	}
	return f.draw(filepath.Join(r.dir, "forecast-"), nil, quantiles)
}

// seriesDrawn is how many series of the validation are drawn.
const seriesDrawn = 3

// Draw writes pictures of the first series of the validation into a folder, validation-SERIES.svg and .png: what was
// held out, how it is forecast from what was before, and the intervals between the quantiles of the configuration. It
// gives their paths.
func (t *ForecastTask) Draw(dir string) (paths []string, err error) {
	origins := t.origins[:min(len(t.origins), seriesDrawn)]
	forecasts, err := forecast(t.Forecaster, t.data.windows(origins))
	for i := range forecasts {
		o := origins[i]
		f := t.data.following(o, &forecasts[i], 0)
		actual := t.data.set.Series[o.series].Values[0][o.t : o.t+len(f.Points)]
		drawn, err := f.draw(filepath.Join(dir, "validation-"), actual, t.data.model.Quantiles)
		if err != nil {
			return nil, err
		}
		paths = append(paths, drawn...)
	}
	return paths, err
}

// draw writes pictures; actual is what came, nil if it is not known. The paths begin as given.
func (f *SeriesForecast) draw(begin string, actual, quantiles []float64) (paths []string, err error) {
	history := f.history[max(0, len(f.history)-horizonsShown*len(f.Points)):]
	picture := plots.Forecast{Title: f.ID, Step: f.step, History: history, Actual: actual, Forecast: f.Points,
		Bands: f.bands(quantiles)}
	if !f.step.IsZero() && !f.Start.IsZero() {
		picture.Start = f.step.Add(f.Start, -len(history))
	}
	for _, format := range []string{plots.SVG, plots.PNG} {
		var b bytes.Buffer
		if err := picture.Write(&b, format); err != nil {
			return nil, err
		}
		path := begin + fileName(f.ID) + "." + format
		if err := WriteFile(path, b.Bytes()); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// bands are the intervals between quantiles, the widest first.
func (f *SeriesForecast) bands(quantiles []float64) (bands []plots.Band) {
	const close = 1e-9
	for i, low := range quantiles {
		for _, high := range quantiles[i+1:] {
			if math.Abs(low+high-1) > close {
				continue
			}
			b := plots.Band{Level: high - low}
			for h := range f.Points {
				b.Low, b.High = append(b.Low, f.Quantile(h, low)), append(b.High, f.Quantile(h, high))
			}
			bands = append(bands, b)
		}
	}
	slices.SortStableFunc(bands, func(a, b plots.Band) int { return int(math.Copysign(1, b.Level-a.Level)) })
	return bands
}

// fileName is a name as one of a file: what is neither a letter nor a digit becomes a line.
func fileName(name string) string {
	const longest = 60
	safe := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
	return safe[:min(len(safe), longest)]
}

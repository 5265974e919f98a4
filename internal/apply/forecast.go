package apply

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/trainer/run"
)

// Forecasts writes what follows series.
type Forecasts struct {
	Quantiles []float64 // are written, too
	To        io.Writer
}

// forecastRecord is the JSON of a series.
type forecastRecord struct {
	Series    string                 `json:"series"`
	Target    string                 `json:"target"`
	Start     *time.Time             `json:"start,omitempty"` // of the first value
	Forecast  []run.Float            `json:"forecast"`
	Quantiles map[string][]run.Float `json:"quantiles,omitempty"`
}

// decimal writes a number so that reading it gives the same.
func decimal(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// CSV writes a table: a head, and a row for each value. It has a column for the target if there are several.
func (f *Forecasts) CSV(forecasts []run.SeriesForecast, several bool) error {
	w := csv.NewWriter(f.To)
	head := []string{"series", "step", "forecast"}
	if several {
		head = slices.Insert(head, 1, "target")
	}
	for _, q := range f.Quantiles {
		head = append(head, "q"+decimal(q))
	}
	w.Write(head)
	for i := range forecasts {
		s := &forecasts[i]
		for h, y := range s.Points {
			row := []string{s.ID, strconv.Itoa(h + 1), decimal(y)}
			if several {
				row = slices.Insert(row, 1, s.Target)
			}
			for _, q := range f.Quantiles {
				row = append(row, decimal(s.Quantile(h, q)))
			}
			w.Write(row)
		}
	}
	w.Flush()
	return errors.WithStack(w.Error())
}

// JSON writes an object a line, one for each series.
func (f *Forecasts) JSON(forecasts []run.SeriesForecast) error {
	enc := json.NewEncoder(f.To)
	for i := range forecasts {
		if err := enc.Encode(f.record(&forecasts[i])); err != nil {
			return errors.WithStack(err)
		}
	}
	return nil
}

func (f *Forecasts) record(s *run.SeriesForecast) forecastRecord {
	rec := forecastRecord{Series: s.ID, Target: s.Target}
	if !s.Start.IsZero() {
		rec.Start = &s.Start
	}
	for _, y := range s.Points {
		rec.Forecast = append(rec.Forecast, run.Float(y))
	}
	for _, q := range f.Quantiles {
		if rec.Quantiles == nil {
			rec.Quantiles = map[string][]run.Float{}
		}
		for h := range s.Points {
			rec.Quantiles[decimal(q)] = append(rec.Quantiles[decimal(q)], run.Float(s.Quantile(h, q)))
		}
	}
	return rec
}

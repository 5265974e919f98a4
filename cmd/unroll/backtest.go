package main

import (
	"fmt"
	"io"

	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

// backtestFlags say what of series a forecaster is measured on.
type backtestFlags struct {
	Future  string `placeholder:"FILE" help:"Measure on these values, which follow those of --series, or else those that the run was trained on, as the test set of a competition does: the same series, by name."`
	Origins int    `placeholder:"N" default:"1" help:"Measure N forecasts of each series, the last one of its last values (rolling origin). Default: ${default}."`
	Every   int    `placeholder:"N" default:"0" help:"Values between two of them. Default: the horizon."`
}

// backtest is what the flags ask for.
func (f *backtestFlags) backtest() run.Backtest {
	b := run.Backtest{Origins: f.Origins, Every: f.Every}
	if f.Future != "" {
		b.Future = &run.Source{Kind: run.KindSeries, Paths: []string{f.Future}}
	}
	return b
}

// given is a flag that asks for something; "" if none does.
func (f *backtestFlags) given() string {
	switch {
	case f.Future != "":
		return "future"
	case f.Origins != 1:
		return "origins"
	case f.Every != 0:
		return "every"
	}
	return ""
}

// writeBacktest says what a forecaster is worth.
func writeBacktest(w io.Writer, checkpoint string, v *run.Evaluation) error {
	m := v.ForecastMeasures
	_, err := fmt.Fprintf(w, "%s after step %s, on %s:\nloss %.4f a value; %s of %s in %.2f s\n%s", checkpoint, words.Thousands(v.At.Step), v.What,
		v.Loss, words.Count(m.Values, "value", "values"), words.Count(m.Series, "forecast", "forecasts"), v.Seconds, forecastTable(m))
	for _, note := range v.Notes {
		if err == nil {
			_, err = fmt.Fprintln(w, note)
		}
	}
	return err
}

package main

import "github.com/unroll-ml/unroll/trainer/run"

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

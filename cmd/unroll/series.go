package main

import (
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/trainer/run"
)

// caseFlags say how a table of series with a label each is written.
type caseFlags struct {
	Label  string `group:"Data:" placeholder:"COLUMN" help:"Of series in a .csv: the column of the labels, by its name or its number from 1. Default: the one that is called so, or else the only one with texts, or the first."`
	ID     string `group:"Data:" name:"id" placeholder:"COLUMN" help:"Of such series: the column of the names of series."`
	Time   string `group:"Data:" placeholder:"COLUMN" help:"Of such series, a row a moment: the column of the times."`
	Layout string `group:"Data:" enum:"auto,wide,long" default:"auto" help:"Of such series: a row is a series (wide) or a moment of one (long). auto: what it looks like."`
}

// into writes the flags into sources, any of which may be nil.
func (f *caseFlags) into(sources ...*run.Source) error {
	o := series.Options{Label: f.Label, ID: f.ID, Time: f.Time}
	if f.Layout != "auto" {
		o.Layout = f.Layout
	}
	said := f.Label != "" || f.ID != "" || f.Time != "" || o.Layout != ""
	named := false
	for _, s := range sources {
		if s == nil || s.Kind != run.KindSeries {
			continue
		}
		named = true
		if own := o; said {
			s.Series = &own
		}
	}
	if said && !named {
		return usage(
			"--label, --id, --time and --layout are for data that --series names, and there are none: leave them out",
		)
	}
	return nil
}

// seriesFlags say how the values of series become the inputs of a model.
type seriesFlags struct {
	Patch       int     `group:"Model:" placeholder:"N" default:"1" help:"Of series: read N values in a step."`
	Differences bool    `group:"Model:" help:"Of series: read how much each channel has changed, too."`
	Scale       string  `group:"Model:" enum:"channel,series,none" default:"channel" help:"How series are scaled. channel: each channel by its mean and deviation in the training data; series: each channel of each series by its own; none: not."`
	Missing     string  `group:"Model:" enum:"auto,mask,carry" default:"auto" help:"What stands for a missing value of a series. carry: the value before; mask: the same, and a number says whether a value is there. auto: mask if the training data have any."`
	Noise       float64 `group:"Training:" default:"0" help:"Of series: deviation of the noise that is added to what is read in training, which is scaled."`
}

// model is what the flags ask for.
func (f *seriesFlags) model() *run.SeriesModel {
	m := &run.SeriesModel{Noise: f.Noise, Inputs: series.Features{Differences: f.Differences}}
	if f.Patch != 1 {
		m.Inputs.Patch = f.Patch
	}
	if f.Scale != series.ScaleChannel {
		m.Inputs.Scale = f.Scale
	}
	if f.Missing != "auto" {
		m.Inputs.Missing = f.Missing
	}
	return m
}

// said says whether one of the flags says something.
func (f *seriesFlags) said() bool {
	return *f != seriesFlags{Patch: 1, Scale: series.ScaleChannel, Missing: "auto"}
}

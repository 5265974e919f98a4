package main

import (
	"slices"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/trainer/run"
)

// trainForecastCmd trains a forecaster.
type trainForecastCmd struct {
	forecastDataFlags `embed:"" group:"Data:" set:"use=Train on"`
	TrainOnAll        bool `group:"Data:" help:"Hold nothing out. Otherwise the last values of each series, as many as the horizon, are for validation."`

	Horizon    int  `group:"Model:" placeholder:"H" default:"0" help:"Number of values to forecast. Default: what the file says."`
	Season     int  `group:"Model:" placeholder:"M" default:"0" help:"Values of a season, such as 24 of hours; 1: none. Default: the usual one of the times of the file."`
	LongSeason int  `group:"Model:" placeholder:"N" default:"0" help:"Values of a longer season, such as 168 hours of a week. Default: 7 seasons, if the season is a multiple of 24."`
	Calendar   bool `group:"Model:" help:"The time of day, the day of the week and so on are covariates. The file must have times."`

	Window    int    `group:"Model:" placeholder:"N" default:"0" help:"Values that are read. Default: the long season, or three seasons, or two horizons."`
	Patch     int    `group:"Model:" placeholder:"N" default:"0" help:"Values that are read in one step. Default: a season."`
	Scale     string `group:"Model:" enum:"${scalings}" default:"mean" help:"How the values of a window are scaled: ${enum}."`
	Log       string `group:"Model:" enum:"auto,yes,no" default:"auto" help:"Take logarithms. auto: if all values are larger than 0."`
	Residual  string `group:"Model:" enum:"auto,${residuals}" default:"auto" help:"What the network corrects: nothing, the last value, the last season, or the mean of the last season and the last long season (mix)."`
	cellFlags `embed:"" group:"Model:" set:"cell=gru"`
	Hidden    int     `group:"Model:" default:"${forecastHidden}" help:"Hidden size."`
	Layers    int     `group:"Model:" default:"1" help:"Layers."`
	Embed     int     `group:"Model:" default:"8" help:"Embedding size of each static feature."`
	Dropout   float64 `group:"Model:" default:"0" help:"Probability with which an output of a layer is dropped in training."`

	Loss          string    `group:"Model:" enum:"auto, ${forecastLosses}" default:"auto" help:"What forecasts cost: ${enum}. gaussian, student, negbin (of counts) and quantile forecast distributions. auto: quantile with --quantiles, else owa, or mase where values are not all positive."`
	Quantiles     []float64 `group:"Model:" placeholder:"Q,..." help:"Quantiles to forecast, such as 0.1,0.5,0.9."`
	Head          string    `group:"Model:" enum:"${forecastHeads}" default:"direct" help:"direct: the last state gives the whole forecast. autoregressive: a decoder makes it, patch after patch."`
	DecoderCell   string    `group:"Model:" placeholder:"CELL" help:"Cell of the decoder. Default: --cell."`
	DecoderHidden int       `group:"Model:" placeholder:"N" default:"0" help:"Hidden size of the decoder. Default: --hidden."`

	Batch          int     `group:"Training:" default:"${forecastBatch}" help:"Windows in a step, each from a series and a place drawn at random."`
	TeacherForcing float64 `group:"Training:" default:"1" help:"Teacher forcing: probability with which the decoder reads true values in training, and not its own."`
	TeacherDecay   string  `group:"Training:" enum:"${teacherDecays}" default:"none" help:"How that probability falls while the model learns: ${enum}."`
	TeacherSteps   int     `group:"Training:" placeholder:"N" default:"0" help:"Steps after which it is half of what it was."`

	trainFlags `kong:"embed,set='task=forecast',set='data=series',set='seedNote=, of the windows and of what is dropped',set='epochsNote=, of steps in which as many values are forecast as there are; without any of the three, ${forecastSteps} steps',set='validNote=, or ${forecastValid} steps',set='clip=1',set='ema=0.995',set='schedule=cosine',set='warmupDefault=a tenth of the steps'"`
}

// forecastDataFlags name series, and say how they are written.
type forecastDataFlags struct {
	Series   string   `placeholder:"FILE" help:"${use} these series: a table with a row for each series or for each moment, or .tsf, plain or .gz."`
	Layout   string   `enum:"auto,wide,long,columns" default:"auto" help:"What the rows of a table are. wide: series; long: moments of series; columns: moments, with a column for each series."`
	Header   string   `enum:"auto,yes,no" default:"auto" help:"Whether the first row of a table has the names of the columns."`
	ID       string   `name:"id" placeholder:"COLUMN" help:"The column with the names of the series, by name or by number from 1 (what is both is a name); none: there is none."`
	Time     string   `placeholder:"COLUMN" help:"The column with times, or several, such as date,hour; none: leave them out, as of working days, which are not at equal steps."`
	TimeForm string   `placeholder:"FORM" help:"How times are written where their looks do not say it: DD/MM/YYYY or MM/DD/YYYY."`
	Targets  []string `placeholder:"COLUMN,..." help:"The columns to forecast, of a table of moments."`
	Known    []string `placeholder:"COLUMN,..." help:"The columns with covariates that are known in advance."`
	Static   []string `placeholder:"COLUMN,..." help:"The columns with categories that a series has all the time."`
	FillGaps bool     `help:"Moments that a table leaves out are missing values; otherwise the first of them is an error."`
}

// source is what the flags name.
func (f *forecastDataFlags) source() *run.Source {
	auto := func(s string) string {
		if s == "auto" {
			return ""
		}
		return s
	}
	o := series.Options{
		Layout: auto(f.Layout), Header: auto(f.Header), ID: f.ID, Time: f.Time, TimeForm: f.TimeForm,
		Targets: f.Targets, Known: f.Known,
		Static: f.Static, FillGaps: f.FillGaps,
	}
	return &run.Source{Kind: run.KindSeries, Paths: []string{f.Series}, Series: &o}
}

// config is what the flags ask for.
func (t *trainForecastCmd) config(a *app) (*run.Config, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if t.Series == "" {
		return nil, usage("nothing to train on: name series with --series")
	}
	c, usual := t.trainFlags.config(run.TaskForecast), run.Defaults(run.TaskForecast)
	c.Data.Train = t.source()
	c.Model = run.Model{
		Hidden: t.Hidden, Layers: t.Layers, Embed: t.Embed, Dropout: t.Dropout,
		Forecast: &run.ForecastModel{
			Horizon: t.Horizon, Season: t.Season, LongSeason: t.LongSeason, Window: t.Window, Patch: t.Patch,
			Scale: t.Scale, Log: t.Log,
			Residual: t.Residual, Loss: t.Loss, Quantiles: t.Quantiles, Head: t.Head, DecoderCell: t.DecoderCell,
			DecoderHidden: t.DecoderHidden,
			Calendar:      t.Calendar, TrainAll: t.TrainOnAll,
		},
	}
	t.cellFlags.into(&c.Model)
	if t.DecoderCell != "" && !slices.Contains(run.Cells, t.DecoderCell) {
		return nil, usage("--decoder-cell is %q: it must be one of %v", t.DecoderCell, run.Cells)
	}
	l, u := &c.Training, &usual.Training
	l.Batch, l.TeacherForcing, l.TeacherDecay, l.TeacherSteps = t.Batch, t.TeacherForcing, t.TeacherDecay, t.TeacherSteps
	if !t.limited() {
		l.Epochs, l.Steps = 0, u.Steps
	}
	if t.ValidEvery == nil && t.ValidEpochs == nil {
		l.ValidEvery = u.ValidEvery
	}
	given := func(name string) bool { return slices.Contains(a.given, name) }
	if l.Steps > 0 && !given("warmup") {
		l.Warmup = l.Steps / 10
	}
	if l.Minutes > 0 && !given("schedule") {
		l.Schedule = "constant" // whose end need not be known
	}
	return c, nil
}

func (t *trainForecastCmd) Run(a *app) error {
	c, err := t.config(a)
	if err != nil {
		return err
	}
	return t.train(a, c)
}

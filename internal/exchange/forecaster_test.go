package exchange_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/internal/exchange"
	"github.com/unroll-ml/unroll/internal/onnx/onnxtest"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// forecasts are forecasters of windows of 12 values: each way to scale, to begin with and to lose, with covariates,
// static features and several targets.
func forecasts() map[string]exchange.Forecaster {
	all := map[string]exchange.Forecaster{}
	add := func(name string, by string, log bool, residual string, loss models.ForecastLoss, with func(*exchange.Forecaster)) {
		c := exchange.Forecaster{Steps: 4, ForecasterConfig: models.ForecasterConfig{
			Targets: 1, Horizon: 7, Patch: 3, Cell: models.CellConfig{Kind: "gru"}, Hidden: 4, Layers: 1, Loss: loss,
		}}
		c.Scaling = trainer.Scaling{By: by, Log: log, Season: 5, Residual: residual, LongSeason: 10}
		if with != nil {
			with(&c)
		}
		all[name] = c
	}
	several := func(c *exchange.Forecaster) {
		c.Targets, c.Known, c.Static, c.Embed, c.Layers = 2, 2, []int{3, 2}, 2, 2
		c.Covariates = []exchange.Moments{{Mean: 2020.3, Deviation: 1.5}, {Mean: 0, Deviation: 1}}
	}
	one := func(c *exchange.Forecaster) {
		c.Known, c.Static, c.Embed, c.Covariates = 1, []int{2}, 2, []exchange.Moments{{Mean: 2019, Deviation: 3}}
	}
	decoder := func(c *exchange.Forecaster) {
		several(c)
		c.Autoregressive, c.DecoderCell, c.DecoderHidden = true, models.CellConfig{Kind: "lstm"}, 3
	}
	levels := models.Quantiles{Levels: []float64{0.05, 0.1, 0.4, 0.7, 0.9}} // the median is between two
	add("none", "none", false, "last", models.SquaredError{}, nil)
	add("none of logarithms", "none", true, "none", models.AbsoluteError{}, one)
	add("mean", "mean", false, "seasonal", levels, several)
	add("mean of logarithms", "mean", true, "mix", models.OWA{SMAPE: 1, MASE: 1}, decoder)
	add("last", "last", false, "mix", models.NegativeBinomial{}, several)
	add("last of logarithms", "last", true, "last", models.StudentT{}, nil)
	add("std", "std", false, "seasonal", models.Gaussian{}, decoder)
	add("std of logarithms", "std", true, "none", models.Huber{}, several)
	add("seasonal", "seasonal", false, "seasonal", models.StudentT{}, several)
	add("seasonal of logarithms", "seasonal", true, "last", models.Gaussian{}, nil)
	add("a season that windows do not fill", "mean", false, "seasonal", levels,
		func(c *exchange.Forecaster) { c.Scaling.Season = 12; c.Horizon = 26 })
	return all
}

// history are series of given lengths, of which values are missing, and what a file takes of them.
type history struct {
	windows []trainer.Window
	given   map[string]*onnxtest.Tensor
}

// value is that of series i at a time, of so many.
type value func(r *rand.Rand, i, t, n int) float64

// usual series are around 1000·k, and one stands still. A quarter of the values is missing.
func usual(r *rand.Rand, i, t, _ int) float64 {
	y := math.Round(1000 * float64(i+1) * (1 + 0.4*math.Sin(float64(t)) + 0.2*r.Float64()))
	if i == 1 {
		y = 0.1
	}
	if t > 0 && r.IntN(4) == 0 {
		y = math.NaN()
	}
	return y
}

// histories are series of values, whose categories begin with -1, which is an unknown one. The covariates are known for
// the horizon, too.
func histories(c exchange.Forecaster, of value, lengths ...int) history {
	r := rand.New(rand.NewPCG(3, 4))
	longest, batch := 0, len(lengths)
	for _, n := range lengths {
		longest = max(longest, n)
	}
	values := make([]float32, batch*longest*c.Targets)
	known := make([]float32, batch*(longest+c.Horizon)*c.Known)
	static := make([]int32, batch*len(c.Static))
	window, ahead := c.Steps*c.Patch, (c.Horizon+c.Patch-1)/c.Patch*c.Patch
	h := history{given: map[string]*onnxtest.Tensor{}}
	for i, n := range lengths {
		w := trainer.Window{Past: make([][]float64, c.Targets), Known: make([][]float64, c.Known)}
		for k := range c.Targets {
			for t := range n {
				y := float32(of(r, i, t, n))
				values[(i*longest+t)*c.Targets+k] = y
				if t >= n-window {
					w.Past[k] = append(w.Past[k], float64(y))
				}
			}
		}
		for k := range c.Known {
			w.Known[k] = make([]float64, window+ahead)
			for t := range w.Known[k] {
				w.Known[k][t] = math.NaN()
				if at := n - window + t; at >= 0 && at < n+c.Horizon {
					x := float32(2020*(1-k)) + float32(r.NormFloat64())
					known[(i*(longest+c.Horizon)+at)*c.Known+k] = x
					m := c.Covariates[k]
					w.Known[k][t] = (float64(x) - m.Mean) / m.Deviation
				}
			}
		}
		for f, categories := range c.Static {
			w.Static = append(w.Static, (i+f)%(categories+1)-1)
			static[i*len(c.Static)+f] = int32(w.Static[f])
		}
		h.windows = append(h.windows, w)
	}
	h.given["values"] = onnxtest.Floats(values, batch, longest, c.Targets)
	h.given["lengths"] = onnxtest.Ints(ints(lengths), batch)
	if c.Known > 0 {
		h.given["known"] = onnxtest.Floats(known, batch, longest+c.Horizon, c.Known)
	}
	if len(c.Static) > 0 {
		h.given["static"] = onnxtest.Ints(static, batch, len(c.Static))
	}
	return h
}

// TestForecaster compares forecasts, quantiles and distributions of files, of ragged batches of raw values, with
// those of the trainer.
func TestForecaster(t *testing.T) {
	for name, c := range forecasts() {
		t.Run(name, func(t *testing.T) {
			f, m := forecasterOf(t, c)
			for _, lengths := range [][]int{{1}, {30, 12, 5, 1}, {13, 11}} {
				f.forecasts(c, m, histories(c, usual, lengths...))
			}
		})
	}
}

// Series that some scale has no size of, of negative numbers, one of which stands still, and without a value in the
// window, and categories that are not known, whatever their number, in the same way. One season is enough for both, and
// a horizon may be whole patches.
func TestForecasterOfOddSeries(t *testing.T) {
	odd := func(_ *rand.Rand, i, t, n int) float64 {
		switch {
		case i == 0 && t >= n-12:
			return math.NaN()
		case i == 0:
			return 7
		case i == 1:
			return 0
		case i == 2 && t == n-1:
			return 0
		case i == 2:
			return 5 + float64(t%4)
		case i == 3:
			return -100 - float64(t*t%7)
		case i == 4:
			return -0.1
		}
		return float64(t%3) - 1
	}
	for name, c := range forecasts() {
		t.Run(name, func(t *testing.T) {
			c.Horizon, c.Scaling.LongSeason = 6, 0
			f, m := forecasterOf(t, c)
			lengths := []int{20, 15, 14, 13, 12, 9}
			if c.Scaling.Log {
				lengths = lengths[:1] // the others have no logarithms
			}
			h := histories(c, odd, lengths...)
			f.forecasts(c, m, h)
			if len(c.Static) == 0 {
				return
			}
			for i, x := range h.given["static"].Data { // categories are counted from 0, so that the last is no category
				if n := c.Static[i%len(c.Static)]; x < 0 {
					h.given["static"].Data[i] = float64(n)
				}
			}
			f.forecasts(c, m, h)
		})
	}
}

// forecasterOf is a trainer's forecaster and the fixture with its weights.
func forecasterOf(t *testing.T, c exchange.Forecaster) (*fixture, *trainer.Forecaster) {
	t.Helper()
	f := newFixture(t, 2e-6) // the trainer computes in float32
	m, err := trainer.NewForecaster(trainer.ForecasterConfig{
		Model: c.ForecasterConfig, Steps: c.Steps, Scaling: c.Scaling, Device: cpu.New(cpu.Threads(1)),
		Training: trainer.Training{Seed: 1, Optimizer: optim.DefaultAdam},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	params, err := m.Params()
	if err != nil {
		t.Fatal(err)
	}
	f.weights = map[string][]float32{}
	for _, p := range params {
		f.weights[p.Name] = p.Data.([]float32)
	}
	return f, m
}

// forecasts compares what a file gives of series with what the trainer gives.
func (f *fixture) forecasts(c exchange.Forecaster, m *trainer.Forecaster, h history) {
	f.Helper()
	want, err := m.Forecast(h.windows)
	if err != nil {
		f.Fatal(err)
	}
	f.forecast(c, f.compute(f.file(c, exchange.Whole), h.given), want)
}

// forecast compares what a file gives with forecasts.
func (f *fixture) forecast(c exchange.Forecaster, got map[string]*onnxtest.Tensor, want []trainer.Forecast) {
	f.Helper()
	dims := []int{len(want), c.Horizon, c.Targets}
	at := func(y func(w *trainer.Forecast, target, h int) float64) (all []float64) {
		for i := range want {
			for h := range c.Horizon {
				for k := range c.Targets {
					all = append(all, y(&want[i], k, h))
				}
			}
		}
		return all
	}
	f.near("forecast", got["forecast"], at((*trainer.Forecast).Point), dims...)
	quantile := func(p float64) []float64 {
		return at(func(w *trainer.Forecast, k, h int) float64 { return w.Quantile(k, h, p) })
	}
	if l, ok := c.Loss.(models.Quantiles); ok {
		byLevel, all := make([][]float64, len(l.Levels)), []float64(nil)
		for i, p := range l.Levels {
			byLevel[i] = quantile(p)
		}
		for i := range byLevel[0] {
			for q := range byLevel {
				all = append(all, byLevel[q][i])
			}
		}
		f.near("quantiles", got["quantiles"], all, append(dims, len(l.Levels))...)
	}
	if of := quantileOf(c, got); of != nil {
		q := *got["forecast"]
		q.Data = make([]float64, len(q.Data))
		for i := range q.Data {
			q.Data[i] = of(i)
		}
		f.near("the quantile 0.9", &q, quantile(0.9), dims...)
	}
}

// quantileOf gives the quantile 0.9 of number i, by what a file says of its distribution; nil if it has none.
func quantileOf(c exchange.Forecaster, got map[string]*onnxtest.Tensor) func(i int) float64 {
	number := func(name string, i int) float64 { return got[name].Data[i] }
	spread := func(i int, q float64) float64 {
		y := number("location", i) + q*number("deviation", i)
		if c.Scaling.Log {
			return math.Exp(y)
		}
		return y
	}
	switch c.Loss.(type) {
	case models.Gaussian:
		return func(i int) float64 { return spread(i, math.Sqrt2*math.Erfinv(0.8)) }
	case models.StudentT:
		return func(i int) float64 {
			return spread(i, distuv.StudentsT{Sigma: 1, Nu: number("freedom", i)}.Quantile(0.9))
		}
	case models.NegativeBinomial:
		return func(i int) float64 { // the numbers that mean the same where the scale is 1
			soft := func(y float64) float64 { return y + math.Log(-math.Expm1(-y)) }
			x := []float64{soft(number("forecast", i) - 1e-8), soft(number("dispersion", i) - 1e-3)}
			return models.NegativeBinomial{}.Quantile(x, 0.9, models.Level{Scale: 1})
		}
	}
	return nil
}

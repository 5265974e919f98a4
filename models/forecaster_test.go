package models_test

import (
	"errors"
	"fmt"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
)

// forecastFixture is a forecaster of two columns with everything that one may have, and windows for it: 3 patches of
// 2 values, a horizon of 3, and 2 windows.
type forecastFixture struct {
	*fixture
	m             *models.Forecaster
	in            models.ForecastInput
	truth, weight *G.Node
}

func newForecastFixture(t *testing.T, change func(*models.ForecasterConfig)) *forecastFixture {
	t.Helper()
	c := models.ForecasterConfig{
		Targets: 2, Horizon: 3, Patch: 2, Known: 1, Static: []int{2, 3}, Embed: 2, Cell: models.CellConfig{Kind: "gru"},
		Hidden: 4, Layers: 2,
		Loss: models.Gaussian{},
	}
	change(&c)
	f := &forecastFixture{fixture: newFixture(t)}
	var err error
	if f.m, err = models.NewForecaster(f.p, c); err != nil {
		t.Fatal(err)
	}
	f.in.Past, _ = f.floats("past", 3, 2, 10)
	f.in.Known, _ = f.floats("known", 2, 2, 2)
	f.in.Base, _ = f.floats("base", 2, 3, 2)
	f.in.Static = f.input("static", []int32{c.StaticRow(0, 1), c.StaticRow(1, -1), c.StaticRow(0, 0), c.StaticRow(1, 2)},
		2, 2)
	f.truth, _ = f.floats("truth", 2, 3, 2)
	f.weight = f.input("weight", []float64{1, 1, 0, 1, 1, 0, 1, 0, 0, 2, 1, 1}, 2, 3, 2)
	return f
}

// loss is that of numbers against the truth.
func (f *forecastFixture) loss(numbers []*G.Node) *G.Node {
	return f.m.Mean(f.b, numbers, models.Truth{Scaled: f.truth}, f.weight)
}

func direct(*models.ForecasterConfig) {}

// ar makes the head autoregressive, and other an own decoder.
func ar(c *models.ForecasterConfig) { c.Autoregressive = true }
func other(c *models.ForecasterConfig) {
	c.Autoregressive, c.DecoderCell, c.DecoderHidden = true, models.CellConfig{Kind: "lstm"}, 3
}

// Each embedding has rows of its own, one of them for what is not known.
func TestStaticRows(t *testing.T) {
	c := models.ForecasterConfig{Static: []int{2, 3}}
	var rows []int32
	for feature, n := range c.Static {
		for category := -1; category < n; category++ {
			rows = append(rows, c.StaticRow(feature, category))
		}
	}
	if fmt.Sprint(rows) != "[0 1 2 3 4 5 6]" {
		t.Errorf("rows %v", rows)
	}
}

// The direct head is plain loops over the layers and one product: of the state, the covariates of the horizon and the
// embeddings.
func TestDirectForecast(t *testing.T) {
	f := newForecastFixture(t, direct)
	got := f.run(f.m.Direct(f.b, f.m.Encode(f.b, f.in), f.in)...)
	w := f.params()
	past, known, base := numbers(f.in.Past), numbers(f.in.Known), numbers(f.in.Base)
	for window, rows := range [][]int{{2, 3}, {1, 6}} {
		var e []float64
		for _, row := range rows {
			e = append(e, w["static.weight"][2*row:2*row+2]...)
		}
		var xs [][]float64
		for s := range 3 {
			xs = append(xs, append(append([]float64{}, past[(s*2+window)*10:][:10]...), e...))
		}
		layers := models.RecurrentConfig{Cell: f.m.Cell, Hidden: 4, Layers: 2}
		hs, _ := layersOf(layers, w, "rnn", xs, [][]float64{make([]float64, 4), make([]float64, 4)})
		read := append([]float64{}, hs[2]...)
		for d := range 2 {
			read = append(read, known[(d*2+window)*2:][:2]...)
		}
		out := affine(w["head.weight"], w["head.bias"], append(read, e...))
		for i := range 6 {
			out[i] += base[window*6+i] // the mean, not the deviation
		}
		equal(t, "means", got[0][window*6:][:6], out[:6], 1e-12)
		equal(t, "deviations", got[1][window*6:][:6], out[6:], 1e-12)
	}
}

// The decoder's scan is its single steps, one after the other: with the truth, with its own values where there is
// none, and on its own.
func TestAutoregressiveForecast(t *testing.T) {
	for name, change := range map[string]func(*models.ForecasterConfig){"the same cell": ar, "another cell": other} {
		for _, taught := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, taught=%t", name, taught), func(t *testing.T) {
				f := newForecastFixture(t, change)
				b := f.b
				states := f.m.Encode(b, f.in)
				var teach models.ForecastTeaching
				if taught {
					teach = models.ForecastTeaching{Truth: f.truth, Weight: f.weight}
				}
				scanned := f.m.Decode(b, states, f.in, teach)

				// patch is values 2d and 2d+1 of the horizon, which ends after the first of the second patch.
				patch := func(x *G.Node, d int) *G.Node { return b.Reshape(b.Slice(b.Pad(x, 1, 0, 1), 1, 2*d, 2*d+2), 2, 4) }
				before, states := b.Slice(b.Reshape(b.Slice(f.in.Past, 0, 2, 3), 2, 10), 1, 0, 4), f.m.Begin(b, states)
				var means, deviations []*G.Node
				for d := range 2 {
					numbers, next := f.m.Step(b, models.ForecastStep{
						Before: before, Known: b.Reshape(b.Slice(f.in.Known, 0, d, d+1), 2, 2), Static: f.in.Static,
						Base: patch(f.in.Base, d), States: states,
					})
					means, deviations = append(means, b.Reshape(numbers[0], 2, 2, 2)),
						append(deviations, b.Reshape(numbers[1], 2, 2, 2))
					before, states = numbers[0], next
					if taught {
						before = b.Where(patch(f.weight, d), patch(f.truth, d), before)
					}
				}
				want := f.run(b.Slice(b.Concat(1, means...), 1, 0, 3), b.Slice(b.Concat(1, deviations...), 1, 0, 3))
				got := f.run(scanned...)
				equal(t, "means", got[0], want[0], 1e-12)
				equal(t, "deviations", got[1], want[1], 1e-12)
			})
		}
	}
}

// With a ratio of 1 the decoder reads true values, with 0 its own.
func TestScheduledSampling(t *testing.T) {
	for ratio, same := range map[float64]bool{1: true, 0: false} {
		f := newForecastFixture(t, ar)
		states := f.m.Encode(f.b, f.in)
		plain := models.ForecastTeaching{}
		if same {
			plain = models.ForecastTeaching{Truth: f.truth, Weight: f.weight}
		}
		drawn := models.ForecastTeaching{Truth: f.truth, Weight: f.weight, Key: f.key(),
			Ratio: f.input("ratio", []float64{ratio})}
		got := f.run(f.m.Decode(f.b, states, f.in, drawn)[0], f.m.Decode(f.b, states, f.in, plain)[0])
		equal(t, fmt.Sprint("ratio ", ratio), got[0], got[1], 0)
	}
}

// Derivatives of the mean loss are those of differences, for both heads, also through what the decoder reads of its
// own.
func TestForecasterDerivatives(t *testing.T) {
	for name, change := range map[string]func(*models.ForecasterConfig){
		"direct":        direct,
		"the same cell": ar,
		"another cell":  other,
	} {
		for _, free := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, free=%t", name, free), func(t *testing.T) {
				f := newForecastFixture(t, change)
				states := f.m.Encode(f.b, f.in)
				var numbers []*G.Node
				switch {
				case name == "direct":
					numbers = f.m.Direct(f.b, states, f.in)
				case free:
					numbers = f.m.Decode(f.b, states, f.in, models.ForecastTeaching{})
				default:
					numbers = f.m.Decode(f.b, states, f.in, models.ForecastTeaching{Truth: f.truth, Weight: f.weight})
				}
				f.checkGradients(f.loss(numbers))
			})
		}
	}
}

// The number of weights is known without the model, and what cannot be is an error that names the setting.
func TestForecasterSettings(t *testing.T) {
	for name, change := range map[string]func(*models.ForecasterConfig){"direct": direct, "ar": ar, "other": other} {
		f := newForecastFixture(t, change)
		if n, err := f.m.ForecasterConfig.Weights(); err != nil || int(n) != f.p.Count() {
			t.Errorf("%s: %v weights, the model has %d, %v", name, n, f.p.Count(), err)
		}
	}
	for _, x := range []struct {
		want   string
		change func(*models.ForecasterConfig)
	}{
		{"Targets", func(c *models.ForecasterConfig) { c.Targets = 0 }},
		{"Horizon", func(c *models.ForecasterConfig) { c.Horizon = 0 }},
		{"Patch", func(c *models.ForecasterConfig) { c.Patch = -1 }},
		{"Known", func(c *models.ForecasterConfig) { c.Known = -1 }},
		{"Static", func(c *models.ForecasterConfig) { c.Static = []int{2, 0} }},
		{"Embed", func(c *models.ForecasterConfig) { c.Embed = 0 }},
		{"Embed", func(c *models.ForecasterConfig) { c.Static, c.Embed = nil, -1 }},
		{"Loss", func(c *models.ForecasterConfig) { c.Loss = nil }},
		{"Levels", func(c *models.ForecasterConfig) { c.Loss = models.Quantiles{Levels: []float64{0.5, 0.5}} }},
		{"Delta", func(c *models.ForecasterConfig) { c.Loss = models.Huber{Delta: -1} }},
		{"SMAPE", func(c *models.ForecasterConfig) { c.Loss = models.OWA{MASE: 1} }},
		{"DecoderCell", func(c *models.ForecasterConfig) { c.DecoderCell = c.Cell }},
		{"Hidden", func(c *models.ForecasterConfig) { c.Hidden = 0 }},
	} {
		f := newForecastFixture(t, direct)
		c := f.m.ForecasterConfig
		x.change(&c)
		_, err := models.NewForecaster(newFixture(t).p, c)
		var wrong *setting.Error
		if !errors.As(err, &wrong) || wrong.Setting != x.want {
			t.Errorf("error is %v, want one about %s", err, x.want)
		}
	}
}

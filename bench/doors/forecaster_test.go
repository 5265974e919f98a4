package doors

import (
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
)

var forecaster = models.ForecasterConfig{
	Targets: 1, Horizon: 3, Patch: 2, Known: 1, Static: []int{2}, Embed: 2, Cell: gru, Hidden: 4, Layers: 1,
	Autoregressive: true,
	Loss:           models.Quantiles{Levels: []float64{0.1, 0.5}},
}

// forecasts is a graph with windows for a forecaster: 3 patches of 2 values, 2 windows.
type forecasts struct {
	*bench
	in    models.ForecastInput
	state *G.Node
}

func newForecasts() *forecasts {
	x := &forecasts{bench: newBench()}
	input := func(name string, shape ...int) *G.Node {
		return G.NewTensor(x.b.Graph(), tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(name))
	}
	x.in = models.ForecastInput{
		Past: input("past", 3, 2, 6), Known: input("known", 2, 2, 2), Base: input("base", 2, 3, 1),
		Static: G.NewTensor(x.b.Graph(), tensor.Int32, 2, G.WithShape(2, 1), G.WithName("static")),
	}
	x.state = input("state", 2, 4)
	return x
}

func (x *forecasts) model(t *testing.T, autoregressive bool) *models.Forecaster {
	c := forecaster
	c.Autoregressive = autoregressive
	return made(t, x.p, models.NewForecaster, c)
}

// lossOf tries a loss with as many numbers as it has.
func lossOf(l models.ForecastLoss) func(*testing.T) call {
	return func(*testing.T) call {
		x := newForecasts()
		n := x.in.Base
		all, _ := l.Numbers()
		numbers := []*G.Node{n, n, n}[:all]
		return call{func(b *op.Builder, truth models.Truth) *G.Node { return l.Loss(b, numbers, truth) },
			[]any{x.b, models.Truth{Scaled: n, Own: n, Offset: n, Slope: n, Error: n}}}
	}
}

// feedOf tries what a decoder reads.
func feedOf(l models.ForecastLoss) func(*testing.T) call {
	return func(*testing.T) call {
		x := newForecasts()
		return call{func(b *op.Builder, n *G.Node) *G.Node { return l.Feed(b, []*G.Node{n}) }, []any{x.b, x.in.Base}}
	}
}

// forecasterDoors are those of package models that are for forecasters.
func forecasterDoors() map[string]func(t *testing.T) call {
	calls := map[string]func(t *testing.T) call{
		"NewForecaster": func(*testing.T) call { return call{models.NewForecaster, []any{newBench().p, forecaster}} },
		"ForecasterConfig.Weights": func(*testing.T) call {
			return call{models.ForecasterConfig.Weights, []any{forecaster}}
		},
		"ForecasterConfig.Declare": func(*testing.T) call {
			return call{models.ForecasterConfig.Declare, []any{forecaster, newBench().p}}
		},
		"Forecaster.States": func(t *testing.T) call { x := newForecasts(); return call{x.model(t, true).States, []any{x.b, 2}} },
		"Forecaster.Encode": func(t *testing.T) call { x := newForecasts(); return call{x.model(t, true).Encode, []any{x.b, x.in}} },
		"Forecaster.Begin": func(t *testing.T) call {
			x := newForecasts()
			return call{x.model(t, true).Begin, []any{x.b, []*G.Node{x.state}}}
		},
		"Forecaster.Direct": func(t *testing.T) call {
			x := newForecasts()
			return call{x.model(t, false).Direct, []any{x.b, []*G.Node{x.state}, x.in}}
		},
		"Forecaster.Decode": func(t *testing.T) call {
			x := newForecasts()
			return call{x.model(t, true).Decode,
				[]any{x.b, []*G.Node{x.state}, x.in, models.ForecastTeaching{Truth: x.in.Base, Weight: x.in.Base}}}
		},
		"Forecaster.Step": func(t *testing.T) call {
			x := newForecasts()
			patch := G.NewMatrix(x.b.Graph(), tensor.Float32, G.WithShape(2, 2), G.WithName("patch"))
			return call{x.model(t, true).Step, []any{x.b, models.ForecastStep{
				Before: patch, Known: patch, Static: x.in.Static, Base: patch, States: []*G.Node{x.state},
			}}}
		},
		"Forecaster.Mean": func(t *testing.T) call {
			x := newForecasts()
			m := x.model(t, false)
			return call{func(b *op.Builder, truth models.Truth, weight *G.Node) *G.Node {
				return m.Mean(b, []*G.Node{x.in.Base, x.in.Base}, truth, weight)
			}, []any{x.b, models.Truth{Scaled: x.in.Base}, x.in.Base}}
		},
		"Forecaster.Results": func(t *testing.T) call {
			x := newForecasts()
			n := x.in.Base
			return call{x.model(t, false).Results,
				[]any{x.b, []*G.Node{n, n}, models.ForecastScale{Unit: n, Offset: n, Slope: n}}}
		},
		"Quantiles.CheckQuantile": func(*testing.T) call {
			return call{models.Quantiles.CheckQuantile, []any{models.Quantiles{Levels: []float64{0.1, 0.9}}, 0.5}}
		},
		"NegativeBinomial.Feed": feedOf(models.NegativeBinomial{}),
		"Quantiles.Feed":        feedOf(models.Quantiles{Levels: []float64{0.5}}),
	}
	for name, l := range map[string]models.ForecastLoss{
		"SquaredError": models.SquaredError{}, "AbsoluteError": models.AbsoluteError{}, "Huber": models.Huber{}, "SMAPE": models.SMAPE{},
		"MASE": models.MASE{}, "OWA": models.OWA{SMAPE: 1, MASE: 1}, "Gaussian": models.Gaussian{}, "StudentT": models.StudentT{},
		"NegativeBinomial": models.NegativeBinomial{}, "Quantiles": models.Quantiles{Levels: []float64{0.1, 0.5}},
	} {
		calls[name+".Loss"] = lossOf(l)
	}
	return calls
}

func forecasterConfig() trainer.ForecasterConfig {
	return trainer.ForecasterConfig{
		Model: forecaster, Steps: 2, Scaling: trainer.Scaling{By: "seasonal", Season: 2, Residual: "mix", LongSeason: 4},
		TeacherForcing: 0.5, Training: training, Device: ref.New(),
	}
}

// forecastWindows are two for the forecaster, the second of them short.
func forecastWindows() []trainer.Window {
	known := [][]float64{{1, 2, 3, 4, 5, 6, 7, 8}}
	return []trainer.Window{
		{Past: [][]float64{{1, 2, 3, 4}}, Future: [][]float64{{5, 6, 7}}, Known: known, Static: []int{1}, Error: []float64{1}},
		{Past: [][]float64{{1, 2}}, Future: [][]float64{{5, 6, 7}}, Known: known, Static: []int{-1}},
	}
}

// trainedForecasterDoors are those of package trainer that are for forecasters.
func trainedForecasterDoors() map[string]func(t *testing.T) call {
	open := func(t *testing.T) *trainer.Forecaster { return opened(t, trainer.NewForecaster, forecasterConfig()) }
	return map[string]func(t *testing.T) call{
		"NewForecaster": func(*testing.T) call {
			return call{func(c trainer.ForecasterConfig) error {
				m, err := trainer.NewForecaster(c)
				if err == nil {
					m.Close()
				}
				return err
			}, []any{forecasterConfig()}}
		},
		"ForecasterConfig.Check": func(*testing.T) call {
			return call{func(c trainer.ForecasterConfig) error { return c.Check() }, []any{forecasterConfig()}}
		},
		"Forecaster.Batch": func(t *testing.T) call { return call{open(t).Batch, []any{forecastWindows()}} },
		"Forecaster.Train": func(t *testing.T) call {
			m := open(t)
			x, err := m.Batch(forecastWindows())
			if err != nil {
				t.Fatal(err)
			}
			return call{m.Train, []any{x, 0, 0.1}}
		},
		"Forecaster.Measure":  func(t *testing.T) call { return call{open(t).Measure, []any{forecastWindows()}} },
		"Forecaster.Forecast": func(t *testing.T) call { return call{open(t).Forecast, []any{forecastWindows()}} },
		"Forecaster.Stream":   func(t *testing.T) call { return call{open(t).Stream, []any{forecastWindows()[0]}} },
		"ForecastStream.Next": func(t *testing.T) call {
			return call{forecastStream(t, open(t)).Next, []any{[]float64{1}, []float64{2}}}
		},
		"ForecastStream.Forecast": func(t *testing.T) call {
			return call{forecastStream(t, open(t)).Forecast, []any{[][]float64{{1, 2, 3, 4}}}}
		},
		"Forecaster.CheckQuantile": func(t *testing.T) call { return call{open(t).CheckQuantile, []any{0.2}} },
	}
}

func forecastStream(t *testing.T, m *trainer.Forecaster) *trainer.ForecastStream {
	s, err := m.Stream(forecastWindows()[0])
	if err != nil {
		t.Fatal(err)
	}
	return s
}

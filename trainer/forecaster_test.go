package trainer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
)

var missing = math.NaN() // a value

// sineConfig is a small forecaster of 8 values from 24.
func sineConfig() ForecasterConfig {
	return ForecasterConfig{
		Model: models.ForecasterConfig{
			Targets: 1, Horizon: 8, Patch: 4, Cell: models.CellConfig{Kind: "gru"}, Hidden: 32, Layers: 1,
			Loss: models.SquaredError{},
		},
		Steps: 6, Scaling: Scaling{By: "std", Residual: "none"},
		Training: Training{Seed: 1, Optimizer: optim.DefaultAdam, Clip: 1}, Device: cpu.New(cpu.Threads(1)),
	}
}

// sines are windows of sine waves of amplitude 3 around 10, of which a fifth of the values that are read is missing.
func sines(r *rand.Rand, n int) []Window {
	windows := make([]Window, n)
	for i := range windows {
		phase, period := 2*math.Pi*r.Float64(), 10+4*r.Float64()
		value := func(t int) float64 { return 10 + 3*math.Sin(phase+2*math.Pi*float64(t)/period) }
		past, future := make([]float64, 24), make([]float64, 8)
		for t := range past {
			if past[t] = value(t); r.IntN(5) == 0 {
				past[t] = missing
			}
		}
		for h := range future {
			future[h] = value(24 + h)
		}
		future[r.IntN(8)] = missing
		windows[i] = Window{Past: [][]float64{past}, Future: [][]float64{future}}
	}
	return windows
}

// rmse is that of forecasts of the values that are not missing.
func rmse(t *testing.T, m *Forecaster, windows []Window) float64 {
	t.Helper()
	forecasts, err := m.Forecast(windows)
	if err != nil {
		t.Fatal(err)
	}
	sum, n := 0.0, 0.0
	for i, w := range windows {
		for h, y := range w.Future[0] {
			if d := forecasts[i].Point(0, h) - y; !math.IsNaN(y) {
				sum, n = sum+d*d, n+1
			}
		}
	}
	return math.Sqrt(sum / n)
}

// Both heads learn sine waves with missing values, to a tenth of the error of the mean; what is measured is what is
// forecast.
func TestForecasterLearnsSines(t *testing.T) {
	for name, c := range map[string]func(*ForecasterConfig){
		"direct":         func(*ForecasterConfig) {},
		"autoregressive": func(c *ForecasterConfig) { c.Model.Autoregressive, c.TeacherForcing = true, 0.3 },
	} {
		t.Run(name, func(t *testing.T) {
			config := sineConfig()
			c(&config)
			m, err := NewForecaster(config)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			r := rand.New(rand.NewPCG(1, 2))
			test := sines(rand.New(rand.NewPCG(3, 4)), 64)
			before, steps := rmse(t, m, test), 900
			for step := range steps {
				x, err := m.Batch(sines(r, 32))
				if err != nil {
					t.Fatal(err)
				}
				rate := 0.01 * (1 - float64(step)/float64(steps))
				if _, _, err := m.Train(x, step, rate); err != nil {
					t.Fatal(err)
				}
			}
			if after := rmse(t, m, test); before < 1.5 || after > 0.3 {
				t.Errorf("the error is %.3f before training and %.3f after it", before, after)
			}
			sum, n, err := m.Measure(test)
			if err != nil || n != 64*7 {
				t.Fatal(n, err)
			}
			want := 0.0
			forecasts, err := m.Forecast(test)
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range test {
				scale := config.Scaling.level(w.Past[0])
				for h, y := range w.Future[0] {
					if d := (forecasts[i].Point(0, h) - y) / scale.Scale; !math.IsNaN(y) {
						want += d * d
					}
				}
			}
			if math.Abs(sum-want) > 1e-4*want {
				t.Errorf("the loss is %v, of the forecasts %v", sum, want)
			}
		})
	}
}

// A batch in parts takes the step of the whole one, although its values that are not missing lie unevenly.
func TestForecasterInParts(t *testing.T) {
	windows := sines(rand.New(rand.NewPCG(5, 6)), 4)
	windows[3].Future[0] = slices.Repeat([]float64{missing}, 7)
	windows[3].Future[0] = append(windows[3].Future[0], 9)
	var results [2]string
	for i, parts := range []int{1, 2} {
		c := sineConfig()
		c.Accumulate, c.Optimizer = parts, optim.SGD{}
		m, err := NewForecaster(c)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		x, err := m.Batch(windows)
		if err != nil {
			t.Fatal(err)
		}
		loss, norm, err := m.Train(x, 0, 0.1)
		if err != nil {
			t.Fatal(err)
		}
		sum, _, err := m.Measure(windows)
		if err != nil {
			t.Fatal(err)
		}
		results[i] = fmt.Sprintf("%.4f %.4f %.4f", loss, norm, sum)
	}
	if results[0] != results[1] {
		t.Errorf("loss, norm and the loss after the step are %s, in parts %s", results[0], results[1])
	}
}

// What the network sees of a window, by hand.
func TestScaling(t *testing.T) {
	past := []float64{missing, 2, 4, 8, missing, 2} // mean 4
	for name, c := range map[string]struct {
		Scaling
		z    []float64
		base []float64 // of 3 values
	}{
		"none":     {Scaling{By: "none", Residual: "last"}, past, []float64{2, 2, 2}},
		"mean":     {Scaling{By: "mean", Residual: "none"}, []float64{missing, 0.5, 1, 2, missing, 0.5}, []float64{0, 0, 0}},
		"mean log": {Scaling{By: "mean", Log: true, Residual: "none"}, []float64{missing, -math.Ln2, 0, math.Ln2, missing, -math.Ln2}, []float64{0, 0, 0}},
		"last":     {Scaling{By: "last", Season: 2, Residual: "seasonal"}, []float64{missing, 1, 2, 4, missing, 1}, []float64{2, 1, 2}},
		"last log": {Scaling{By: "last", Log: true, Residual: "last"}, []float64{missing, 0, math.Ln2, 2 * math.Ln2, missing, 0}, []float64{0, 0, 0}},
		"std": {Scaling{By: "std", Season: 2, LongSeason: 4, Residual: "mix"}, // the deviation is √6
			[]float64{missing, -2 / math.Sqrt(6), 0, 4 / math.Sqrt(6), missing, -2 / math.Sqrt(6)}, []float64{0, 1 / math.Sqrt(6), -1 / math.Sqrt(6)}},
		"seasonal": {Scaling{By: "seasonal", Season: 2, Residual: "none"}, // places: 4, and (2+8+2)/3
			[]float64{missing, -0.5, 0, 1, missing, -0.5}, []float64{0, 0, 0}},
		"seasonal log": {Scaling{By: "seasonal", Season: 3, Log: true, Residual: "none"}, // 8; 2; 4, 2
			[]float64{missing, 0, math.Ln2 / 2, 0, missing, -math.Ln2 / 2}, []float64{0, 0, 0}},
	} {
		w := c.scale(past, 3)
		for i, want := range append(slices.Clone(c.z), c.base...) {
			got := append(slices.Clone(w.z), w.base...)[i]
			if math.Abs(got-want) > 1e-12 || math.IsNaN(got) != math.IsNaN(want) {
				t.Errorf("%s: number %d is %v, want %v", name, i, got, want)
			}
		}
		for at, y := range past {
			if l := w.at(at); !math.IsNaN(y) && math.Abs(l.Own(w.z[at])-y) > 1e-12 {
				t.Errorf("%s: %v becomes %v and then %v", name, y, w.z[at], l.Own(w.z[at]))
			}
		}
	}
	for _, log := range []bool{false, true} { // the mean of ten times 0.1 is not 0.1
		if w := (&Scaling{By: "std", Log: log}).scale(slices.Repeat([]float64{0.1}, 10), 1); w.Scale != 1 {
			t.Errorf("equal values are divided by %v", w.Scale)
		}
	}
	if w := (&Scaling{By: "std", Residual: "seasonal", Season: 2}).scale([]float64{missing, missing, missing},
		2); w.base[0] != 0 || w.Own(0) != 0 {
		t.Errorf("of nothing but missing values 0 is forecast, not %v", w.Own(w.base[0]))
	}
}

// What a program reads of a window, number by number: two targets, a covariate and a static feature.
func TestForecastBatch(t *testing.T) {
	c := ForecasterConfig{Steps: 2, Scaling: Scaling{By: "mean", Residual: "last"}}
	c.Model = models.ForecasterConfig{Targets: 2, Horizon: 3, Patch: 2, Known: 1, Static: []int{2}, Embed: 1,
		Loss: models.MASE{}}
	x, err := c.fill([]Window{{
		Past: [][]float64{{1, 2, missing, 3}, {10, 10}}, Future: [][]float64{{4, missing, 6}, {20, 30, missing}},
		Known: [][]float64{{1, 2, 3, 4, 5, 6, 7, missing}}, Static: []int{1}, Error: []float64{0.5, missing},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]struct{ got, want []float32 }{
		"past": {x.past, []float32{
			0.5, 0, 1, 0, 1, 0, 1, 0, 1, 2, // values 0 and 1 of both targets, whether they were observed, the covariate
			0, 1, 1.5, 1, 0, 1, 1, 1, 3, 4,
		}},
		"known":  {x.known, []float32{5, 6, 7, 0}},
		"base":   {x.future[:6], []float32{1.5, 1, 1.5, 1, 1.5, 1}},
		"weight": {x.future[6:12], []float32{1, 1, 0, 1, 1, 0}},
		"scaled": {x.future[12:18], []float32{2, 2, 0, 3, 3, 0}},
		"own":    {x.future[18:24], []float32{2, 2, 0, 3, 3, 0}},
		"offset": {x.future[24:30], []float32{0, 0, 0, 0, 0, 0}},
		"slope":  {x.future[30:36], []float32{1, 1, 1, 1, 1, 1}},
		"error":  {x.future[36:], []float32{0.25, 0, 0.25, 0, 0.25, 0}},
	} {
		if !slices.Equal(p.got, p.want) {
			t.Errorf("%s is %v, want %v", name, p.got, p.want)
		}
	}
	if x.weight != 4 || !slices.Equal(x.static, []int32{2}) {
		t.Errorf("weight %v, static %v", x.weight, x.static)
	}
}

// Windows and settings that do not fit are errors.
func TestForecasterRefuses(t *testing.T) {
	for want, change := range map[string]func(*ForecasterConfig){
		"Steps":          func(c *ForecasterConfig) { c.Steps = 0 },
		"By":             func(c *ForecasterConfig) { c.Scaling.By = "max" },
		"Residual":       func(c *ForecasterConfig) { c.Scaling.Residual = "" },
		"Season":         func(c *ForecasterConfig) { c.Scaling.Residual, c.Scaling.Season = "seasonal", 25 },
		"TeacherForcing": func(c *ForecasterConfig) { c.TeacherForcing = 1.5 },
		"Log":            func(c *ForecasterConfig) { c.Scaling.Log, c.Model.Loss = true, models.NegativeBinomial{} },
		"Horizon":        func(c *ForecasterConfig) { c.Model.Horizon = 0 },
		"Optimizer":      func(c *ForecasterConfig) { c.Optimizer = nil },
	} {
		c := sineConfig()
		change(&c)
		_, err := NewForecaster(c)
		var wrong *setting.Error
		if !errors.As(err, &wrong) || wrong.Setting != want {
			t.Errorf("error is %v, want one about %s", err, want)
		}
	}
	c := sineConfig()
	c.Scaling.Log = true
	m, err := NewForecaster(c)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for want, w := range map[string]Window{
		"0 targets":                      {},
		"at most 24":                     {Past: [][]float64{make([]float64, 25)}},
		"has the value 0: its logarithm": {Past: [][]float64{{1, 0}}},
		"has the value +Inf: it must be": {Past: [][]float64{{1, math.Inf(1)}}},
		"followed by 1 values, want 8":   {Past: [][]float64{{1}}, Future: [][]float64{{1}}},
		"1 static features":              {Past: [][]float64{{1}}, Static: []int{0}},
		"what follows has 2 targets and": {Past: [][]float64{{1}}, Future: [][]float64{nil, nil}},
	} {
		if _, err := m.Forecast([]Window{w}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := m.Batch(nil); err == nil {
		t.Error("an empty batch is accepted")
	}
}

// A covariate that is not finite would make all forecasts NaN.
func TestCovariatesAreFinite(t *testing.T) {
	c := sineConfig()
	c.Model.Known, c.Model.Horizon, c.Model.Patch, c.Steps, c.Scaling.Residual = 1, 1, 1, 2, "none"
	m, err := NewForecaster(c)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, x := range []float64{math.Inf(-1), 1e300} {
		if _, err := m.Forecast([]Window{{Past: [][]float64{{1, 2}}, Known: [][]float64{{0, x, 0}}}}); err == nil ||
			!strings.Contains(err.Error(), "covariate 0 has the value") {
			t.Errorf("%g: %v", x, err)
		}
	}
	f, err := m.Forecast([]Window{{Past: [][]float64{{1, 2}}, Known: [][]float64{{0, math.NaN(), 0}}}})
	if err != nil || math.IsNaN(f[0].Point(0, 0)) {
		t.Errorf("one that is missing: %v, %v", f, err)
	}
	s, err := m.Stream(Window{Past: [][]float64{{1, 2}}, Known: [][]float64{{0, 1, 0}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Next([]float64{1}, []float64{math.Inf(1)}); err == nil {
		t.Error("one that is read step by step is taken")
	}
	if _, err := s.Forecast([][]float64{{1e39}}); err == nil {
		t.Error("one of what follows is taken")
	}
}

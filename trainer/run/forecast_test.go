package run

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/graph/cpu"
)

// seasons are series of several lengths: a wave of 6 values around a level of its own, with a few values missing.
func seasons(lengths ...int) *series.Set {
	r := rand.New(rand.NewPCG(1, 1))
	set := &series.Set{Name: "seasons.csv", SHA256: "0", Targets: []string{"value"}}
	for i, n := range lengths {
		values := make([]float64, n)
		for t := range values {
			values[t] = float64(10*(i+1)) * (1 + 0.3*math.Sin(2*math.Pi*float64(t)/6))
			if t > 0 && t < n-1 && r.IntN(10) == 0 {
				values[t] = math.NaN()
			}
		}
		set.Series = append(set.Series, series.Series{ID: fmt.Sprint("w", i+1), Line: i + 1, Values: [][]float64{values}})
	}
	return set
}

// smallForecaster is one of 4 values that takes few steps.
func smallForecaster(steps int) Config {
	c := Defaults(TaskForecast)
	f := *c.Model.Forecast
	c.Model.Forecast = &f
	c.Model.Hidden, f.Horizon, f.Season = 16, 4, 6
	c.Training.Batch, c.Training.Steps, c.Training.Warmup, c.Training.ValidEvery = 16, steps, steps/10, steps/2
	c.use([]Option{On(cpu.New(cpu.Threads(1)))})
	return c
}

// A forecaster learns waves of several lengths with missing values, beats the simple forecasts that do not know
// the season, and is opened again: what it forecasts then is what the task does.
func TestForecaster(t *testing.T) {
	dir, set := filepath.Join(t.TempDir(), "run"), seasons(40, 25, 60, 33)
	task, err := NewForecaster(smallForecaster(200), set)
	if err != nil {
		t.Fatal(err)
	}
	defer task.Close()
	f := task.Config().Model.Forecast
	got := fmt.Sprintln(f.Window, f.Patch, f.Residual, f.Loss, f.Log, f.LongSeason)
	if got != "18 6 seasonal owa yes 0\n" {
		t.Errorf("what is chosen is %s", got)
	}
	if _, err := Train(context.Background(), dir, task, Options{}); err != nil {
		t.Fatal(err)
	}
	m, err := task.Validate(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	paths, err := task.Draw(dir)
	if err != nil || len(paths) != 2*seriesDrawn || filepath.Base(paths[0]) != "validation-"+set.Series[0].ID+".svg" {
		t.Fatal(paths, err)
	}
	if svg, err := os.ReadFile(paths[0]); err != nil || !strings.Contains(string(svg), ">what came<") {
		t.Errorf("the picture does not show what came, %v", err)
	}
	naive := m.Baselines[Naive]
	if m.SMAPE > naive.SMAPE/3 || m.Values < 12 || m.Series != 4 || m.Best() == Naive {
		t.Errorf("sMAPE %v beside %v, of %d values", m.SMAPE, naive.SMAPE, m.Values)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := r.Forecaster()
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	known := seasons(40, 25, 60, 33)
	for i := range known.Series {
		s := &known.Series[i]
		s.Values[0] = s.Values[0][:s.Len()-4]
	}
	forecasts, err := opened.Forecast(context.Background(), known)
	if err != nil || len(forecasts) != 4 {
		t.Fatal(len(forecasts), err)
	}
	sum, n := 0.0, 0.0
	for i, x := range forecasts {
		for h, y := range set.Series[i].Values[0][set.Series[i].Len()-4:] {
			if e := math.Abs(x.Points[h] - y); !math.IsNaN(y) {
				sum, n = sum+e, n+1
			}
		}
	}
	if math.Abs(sum/n-float64(*m.MAE)) > 1e-3*sum/n {
		t.Errorf("the forecasts of the opened run have the error %g, validation says %g", sum/n, float64(*m.MAE))
	}
	if err := opened.CheckQuantile(0.5); err == nil {
		t.Error("a forecaster of points has a quantile")
	}
}

// A run that is stopped and goes on ends with the bytes of one that nothing happened to.
func TestForecasterResumes(t *testing.T) {
	var ends [2][]byte
	for i, stops := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "run")
		if stops {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			task, err := NewForecaster(smallForecaster(20), seasons(40, 25))
			if err != nil {
				t.Fatal(err)
			}
			var stopped *StoppedError
			if _, err := Train(ctx, dir, task, Options{}); !errors.As(err, &stopped) || stopped.Step != 1 {
				t.Fatal(err)
			}
			task.Close()
		}
		task, err := NewForecaster(smallForecaster(20), seasons(40, 25))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Train(context.Background(), dir, task, Options{}); err != nil {
			t.Fatal(err)
		}
		task.Close()
		files, err := filepath.Glob(filepath.Join(dir, Last, "weights*"))
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		if ends[i], err = os.ReadFile(files[0]); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(ends[0], ends[1]) {
		t.Error("the weights differ")
	}
}

// Series that are too short are used as far as they can be, and named.
func TestShortSeries(t *testing.T) {
	task, err := NewForecaster(smallForecaster(2), seasons(30, 3, 1, 5))
	if err != nil {
		t.Fatal(err)
	}
	defer task.Close()
	said := strings.Join(task.Describe(0), "\n")
	for _, want := range []string{
		"1 series has one value, and nothing is learned from it: w3",
		"2 series have no more than the 4 values of the horizon, so that no value is held out for validation: w2, w3",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	// of 5 values the first is what the forecast knows
	if len(task.origins) != 2 || !slices.Equal(task.drawn, []int{0, 1}) {
		t.Errorf("validated are %v, learned from %v", task.origins, task.drawn)
	}
	for step := range 2 {
		if _, _, _, err := task.Step(step, 0.01); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := task.Validate(context.Background()); err != nil {
		t.Error(err)
	}
	var bad *datasets.Error
	if _, err := NewForecaster(smallForecaster(2), seasons(4, 3)); !errors.As(err, &bad) ||
		!strings.Contains(bad.What, "horizon") {
		t.Errorf("nothing to validate: %v", err)
	}
}

// shops are series of two columns, with a covariate, a static feature and times; and the settings of a forecaster that
// also reads the calendar, has quantiles and a decoder.
func shops() (*series.Set, Config) {
	set := &series.Set{
		Name: "shops.csv", SHA256: "1", Targets: []string{"sold", "visits"}, Known: []string{"price"},
		Static: []string{"city"},
		Step:   series.Step{Seconds: 24 * 60 * 60}, Season: 7,
	}
	for i, city := range []string{"Rome", "Oslo", "Rome"} {
		s := series.Series{ID: fmt.Sprint("shop", i), Start: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
			Static: []string{city}}
		var sold, visits, price []float64
		for d := range 60 {
			p := float64(d % 3)
			price = append(price, p)
			if d < 50 {
				sold, visits = append(sold, 20-3*p+float64(d%7)), append(visits, 100+float64(10*(d%7)))
			}
		}
		s.Values, s.Known = [][]float64{sold, visits}, [][]float64{price}
		set.Series = append(set.Series, s)
	}
	c := smallForecaster(10)
	f := c.Model.Forecast
	f.Horizon, f.Season, f.Calendar, f.Quantiles, f.Head = 7, 0, true, []float64{0.1, 0.5, 0.9}, AutoregressiveHead
	c.Training.TeacherForcing = 0.5
	return set, c
}

// Two columns, a covariate, the calendar, a static feature and quantiles, with a decoder: it trains, forecasts,
// and says what is missing.
func TestForecasterOfColumns(t *testing.T) {
	set, c := shops()
	dir := filepath.Join(t.TempDir(), "run")
	task, err := NewForecaster(c, set)
	if err != nil {
		t.Fatal(err)
	}
	defer task.Close()
	if got := task.Config().Model.Forecast; got.Season != 7 || got.Known != 7 || !slices.Equal(got.Static, []int{2}) ||
		got.Loss != "quantile" {
		t.Errorf("%+v", got)
	}
	if _, err := Train(context.Background(), dir, task, Options{}); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Forecaster()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	forecasts, err := m.Forecast(context.Background(), set)
	if err != nil || len(forecasts) != 6 || forecasts[1].Target != "visits" || len(forecasts[0].Points) != 7 {
		t.Fatalf("%d forecasts, %v", len(forecasts), err)
	}
	if got := forecasts[0].Start.Format(time.DateOnly); got != "2024-02-20" {
		t.Errorf("the forecast begins at %s", got)
	}
	for h := range 7 {
		low, mid, high := forecasts[0].Quantile(h, 0.1), forecasts[0].Quantile(h, 0.5), forecasts[0].Quantile(h, 0.9)
		if !(low <= mid && mid <= high) || mid != forecasts[0].Points[h] {
			t.Errorf("value %d: quantiles %g %g %g, forecast %g", h, low, mid, high, forecasts[0].Points[h])
		}
	}
	paths, err := r.Draw(&forecasts[0], []float64{0.1, 0.5, 0.9})
	if err != nil || len(paths) != 2 {
		t.Fatal(paths, err)
	}
	for i, begin := range []string{"<?xml", "\x89PNG"} {
		data, err := os.ReadFile(paths[i])
		if err != nil || !strings.HasPrefix(string(data), begin) ||
			!strings.HasPrefix(filepath.Base(paths[i]), "forecast-shop0.") {
			t.Errorf("%s begins with %.8q, %v", paths[i], data, err)
		}
	}
	if bands := forecasts[0].bands([]float64{0.1, 0.25, 0.5, 0.75, 0.9}); len(bands) != 2 ||
		math.Abs(bands[0].Level-0.8) > 1e-9 {
		t.Errorf("%d intervals", len(bands))
	}
	short := *set
	short.Series = slices.Clone(set.Series)
	short.Series[1].Known = [][]float64{set.Series[1].Known[0][:55]}
	if _, err := m.Forecast(context.Background(), &short); err == nil ||
		!strings.Contains(err.Error(), "price is known for 5 steps after") {
		t.Errorf("%v", err)
	}
	other := *set
	other.Known = []string{"cost"}
	if _, err := m.Forecast(context.Background(), &other); err == nil ||
		!strings.Contains(err.Error(), `no covariate "price"`) {
		t.Errorf("%v", err)
	}
}

// Every number of a forecaster's part of config.yaml is bounded.
func TestForecastNumbersAreBounded(t *testing.T) {
	c := smallForecaster(2)
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	every(t, &c, func(name string, x reflect.Value) {
		before := reflect.ValueOf(x.Interface())
		defer x.Set(before)
		if x.CanInt() {
			for _, n := range []int64{math.MaxInt64, math.MinInt64, math.MaxInt32, -4e18} {
				if x.SetInt(n); c.Check() == nil {
					t.Errorf("`%s` of %d is accepted", name, n)
				}
			}
			return
		}
		for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1e300} {
			if x.SetFloat(f); c.Check() == nil {
				t.Errorf("`%s` of %g is accepted", name, f)
			}
		}
	})
}

package run_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/trainer/run"
)

// A forecaster learns the load of five machines, with a day of 24 values and quantiles, is saved, opened again,
// and used.
func ExampleRun_Forecaster() {
	load := func(machine, hour int) float64 {
		return float64(20+10*machine) + 8*math.Sin(2*math.Pi*float64(hour)/24+float64(machine))
	}
	set := &series.Set{Name: "loads", Targets: []string{"load"}}
	for machine := range 5 {
		var values []float64
		for hour := range 200 {
			values = append(values, load(machine, hour))
		}
		set.Series = append(set.Series, series.Series{ID: fmt.Sprint("machine ", machine), Values: [][]float64{values}})
	}
	dir, err := os.MkdirTemp("", "forecast")
	check(err)
	defer os.RemoveAll(dir)

	c := run.Defaults(run.TaskForecast)
	c.Model.Hidden, c.Training.Batch, c.Training.Steps, c.Training.Warmup, c.Training.ValidEvery = 16, 16, 60, 6, 30
	f := *c.Model.Forecast
	f.Horizon, f.Season, f.Quantiles = 12, 24, []float64{0.1, 0.5, 0.9}
	c.Model.Forecast = &f
	task, err := run.NewForecaster(c, set)
	check(err)
	defer task.Close()
	_, err = run.Train(context.Background(), filepath.Join(dir, "run"), task, run.Options{})
	check(err)

	r, err := run.Open(filepath.Join(dir, "run"))
	check(err)
	m, err := r.Forecaster()
	check(err)
	defer m.Close()
	forecasts, err := m.Forecast(context.Background(), set)
	check(err)
	worst := 0.0
	for machine, f := range forecasts {
		for h, y := range f.Points {
			worst = max(worst, math.Abs(y/load(machine, 200+h)-1))
		}
	}
	fmt.Println(len(forecasts), "series,", len(forecasts[0].Points), "values; wrong by less than 10%:", worst < 0.1)
	// Output:
	// 5 series, 12 values; wrong by less than 10%: true
}

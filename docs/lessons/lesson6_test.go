package lessons_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/internal/plots"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/metrics"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// What the forecaster of the lesson reads and writes, in hours and days.
const (
	day, week      = 24, 7
	days, lastDays = 70, 7
)

var quantiles = []float64{0.1, 0.5, 0.9}

// demand is what a small town might use, hour by hour from a Monday on: less at night and on two days of seven, on a
// level that wanders.
func demand() []float64 {
	random := rand.New(rand.NewPCG(6, 6))
	level, values := 0.0, make([]float64, 0, day*days)
	for t := range day * days {
		if t%day == 0 {
			level = 0.9*level + 6*random.NormFloat64()
		}
		hour := float64(t % day)
		shape := 50*math.Sin(2*math.Pi*(hour-7)/day) + 15*math.Sin(4*math.Pi*(hour-4)/day)
		if t/day%week >= 5 {
			shape = 0.5*shape - 20
		}
		values = append(values, 150+level+shape+3*random.NormFloat64())
	}
	return values
}

// forecaster reads a week, a day in each step, and writes the quantiles of the 24 hours that follow.
type forecaster struct {
	b              *op.Builder
	params         *models.Params
	x, y, forecast *G.Node // T×B×24, B×24, B×72
	step           *optim.Step
}

func newForecaster(batch int) *forecaster {
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float32, 1)
	check(b.Err())
	//lesson:forecaster
	x := array(b, "week", make([]float32, week*batch*day), week, batch, day) // T×B×I: a day is a step
	y := array(b, "next day", make([]float32, batch*day), batch, day)        // B×24
	rnn, err := models.NewRecurrent(p, "rnn", models.RecurrentConfig{
		Cell: models.CellConfig{Kind: "gru"}, Input: day, Hidden: 16, Layers: 1,
	})
	check(err)
	output := models.NewLinear(p, "output", 16, day*len(quantiles))

	_, last := rnn.Apply(b, models.Input{X: x})
	before := b.Squeeze(b.Slice(x, 0, 0, 1), 0) // the same day, a week before: B×24
	changes := output.Apply(b, last[0])         // B×72
	forecast := b.Add(changes, b.Concat(1, before, before, before))
	//lesson:end

	//lesson:pinball
	var losses []*G.Node
	for i, q := range quantiles {
		e := b.Sub(y, b.Slice(forecast, 1, i*day, (i+1)*day))
		losses = append(losses, b.Mean(b.Add(b.Affine(e, q-0.5, 0), b.Affine(b.Abs(e), 0.5, 0)))) // max(q·e, (q-1)·e)
	}
	loss := b.Add(losses[0], b.Add(losses[1], losses[2]))
	//lesson:end
	check(b.Err())
	step, err := optim.NewStep(b, optim.StepConfig{
		Device: ref.New(), Loss: loss, Params: p.Nodes(), Optimizer: optim.DefaultAdam,
	})
	check(err)
	check(step.Set(step.Rate, []float32{0.01}))
	return &forecaster{b, p, x, y, forecast, step}
}

// fill writes windows that end before hours, and what follows: values of a scale of their own.
func (f *forecaster) fill(values []float64, ends []int) (x, y []float32, levels []float64) {
	batch := f.y.Shape()[0]
	x, y = make([]float32, week*batch*day), make([]float32, batch*day)
	for i, end := range ends {
		window := values[end-week*day : end]
		level := 0.0
		for _, v := range window {
			level += v / float64(len(window))
		}
		for t, v := range window {
			x[(t/day*batch+i)*day+t%day] = float32(v/level - 1)
		}
		for h := range min(day, len(values)-end) {
			y[i*day+h] = float32(values[end+h]/level - 1)
		}
		levels = append(levels, level)
	}
	return x, y, levels
}

// learnDemand trains on all but the last week, with windows drawn at random.
var learnDemand = sync.OnceValue(func() *forecaster {
	const batch, steps = 16, 150
	values, f := demand(), newForecaster(batch)
	random := rand.New(rand.NewPCG(1, 1))
	train := values[:day*(days-lastDays)]
	for range steps {
		ends := make([]int, batch)
		for i := range ends {
			ends[i] = week*day + random.IntN(len(train)-week*day-day+1)
		}
		x, y, _ := f.fill(train, ends)
		check(f.step.Set(f.x, x))
		check(f.step.Set(f.y, y))
		check(f.step.Run())
	}
	return f
})

// predict gives the quantiles of the day after each of some hours: [end][quantile][hour].
func (f *forecaster) predict(values []float64, ends []int) [][][]float64 {
	x, _, levels := f.fill(values, ends)
	for _, n := range f.params.Nodes() {
		check(f.step.Get(n, n.Value().Data()))
	}
	p, err := graph.Compile(graph.Config{Device: ref.New(), Outputs: G.Nodes{f.forecast}})
	check(err)
	defer p.Close()
	check(p.Set(f.x, x))
	check(p.Run())
	out := make([]float32, f.forecast.Shape().TotalSize())
	check(p.Get(f.forecast, out))
	all := make([][][]float64, len(ends))
	for i, level := range levels {
		for q := range quantiles {
			var hours []float64
			for h := range day {
				hours = append(hours, level*(1+float64(out[(i*len(quantiles)+q)*day+h])))
			}
			all[i] = append(all[i], hours)
		}
	}
	return all
}

// A file becomes series: which columns are what, and the step, are seen.
func Example_readSeries() {
	dir, err := os.MkdirTemp("", "")
	check(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "demand.csv")
	check(os.WriteFile(path,
		[]byte("time,meter,kWh\n2024-01-01 00:00,A,102.5\n2024-01-01 01:00,A,98\n2024-01-01 02:00,A,\n"+
			"2024-01-01 03:00,A,95.5\n2024-01-01 00:00,B,12\n2024-01-01 01:00,B,11.5\n"), 0o600))
	//lesson:read_series
	set, err := series.Read(path, series.Options{})
	check(err)
	for _, s := range set.Series {
		fmt.Println(s.ID, s.Start.Format("2006-01-02 15:04"), s.Values[0])
	}
	fmt.Println("a step is 1", set.Step, "and a season", set.Season, "steps")
	//lesson:end
	// Output:
	// A 2024-01-01 00:00 [102.5 98 NaN 95.5]
	// B 2024-01-01 00:00 [12 11.5]
	// a step is 1 hour and a season 24 steps
}

func Example_backtest() {
	values := demand()
	network := learnDemand()
	//lesson:backtest
	origins, err := series.Origins(len(values), day, lastDays, day, week*day) // the last seven midnights
	check(err)
	for _, method := range []struct {
		name     string
		forecast func(history []float64) []float64
	}{
		{"the last value", func(x []float64) []float64 { return metrics.Naive(x, day) }},
		{"the last day", func(x []float64) []float64 { return metrics.SeasonalNaive(x, day, day) }},
		{"the last week", func(x []float64) []float64 { return metrics.SeasonalNaive(x, week*day, day) }},
		{"the network", func(x []float64) []float64 { return network.predict(x, []int{len(x)})[0][1] }},
	} {
		scores, err := metrics.NewForecasts(day, nil)
		check(err)
		for _, o := range origins {
			history, actual := values[:o.At], values[o.At:o.At+o.Steps]
			check(scores.Add("demand", history, actual, method.forecast(history), nil))
		}
		total := scores.Total()
		fmt.Printf("%-15s sMAPE %5.1f  MASE %.2f  OWA %.2f\n", method.name, total.SMAPE, total.MASE, total.OWA)
	}
	//lesson:end
	// Output:
	// the last value  sMAPE  35.7  MASE 4.20  OWA 3.52
	// the last day    sMAPE   8.1  MASE 1.06  OWA 0.84
	// the last week   sMAPE  10.8  MASE 1.25  OWA 1.06
	// the network     sMAPE   6.5  MASE 0.78  OWA 0.65
}

func Example_coverage() {
	values := demand()
	network := learnDemand()
	scores, err := metrics.NewForecasts(day, quantiles)
	check(err)
	origins, err := series.Origins(len(values), day, lastDays, day, week*day)
	check(err)
	for _, o := range origins {
		q := network.predict(values[:o.At], []int{o.At})[0]
		check(scores.Add("demand", values[:o.At], values[o.At:o.At+o.Steps], q[1], q))
	}
	for _, i := range scores.Total().Intervals {
		fmt.Printf("%.0f%% of the values should lie in the interval, and %.0f%% do\n", 100*i.Level, 100*i.Coverage)
	}
	// Output:
	// 80% of the values should lie in the interval, and 76% do
}

// Five days of demand, and the day that was forecast.
func TestPictureForecast(t *testing.T) {
	values := demand()
	end := len(values) - 3*day
	q := learnDemand().predict(values, []int{end})[0]
	rows := recorded(t, "forecast", 0.1, append(q, values[end-5*day:end+day]))
	f := &plots.Forecast{
		Title: "demand, kWh", Start: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(end-5*day) * time.Hour),
		Step: series.Step{Seconds: 3600}, History: rows[3][:5*day], Actual: rows[3][5*day:], Forecast: rows[1],
		Bands: []plots.Band{{Level: 0.8, Low: rows[0], High: rows[2]}},
	}
	var b bytes.Buffer
	if err := f.Write(&b, plots.SVG); err != nil {
		t.Fatal(err)
	}
	picture(t, "forecast", b.String())
}

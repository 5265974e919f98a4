package models_test

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/models"
)

func softplus(x float64) float64 { return math.Log1p(math.Exp(x)) }

// forecastLosses are all losses, with the loss of a value y, z scaled, by the formula of another source where there
// is one.
var forecastLosses = map[string]struct {
	models.ForecastLoss
	log  bool
	want func(x []float64, z, y, error float64, l models.Level) float64
}{
	"mse": {models.SquaredError{}, true, func(x []float64, z, _, _ float64, _ models.Level) float64 { return (x[0] - z) * (x[0] - z) }},
	"mae": {models.AbsoluteError{}, false, func(x []float64, z, _, _ float64, _ models.Level) float64 { return math.Abs(x[0] - z) }},
	"huber": {models.Huber{Delta: 0.5}, false, func(x []float64, z, _, _ float64, _ models.Level) float64 {
		if e := math.Abs(x[0] - z); e > 0.5 {
			return 0.5 * (e - 0.25)
		}
		return (x[0] - z) * (x[0] - z) / 2
	}},
	"smape": {models.SMAPE{}, true, func(x []float64, _, y, _ float64, l models.Level) float64 { return smape(l.Own(x[0]), y) }},
	"mase":  {models.MASE{}, false, func(x []float64, _, y, e float64, l models.Level) float64 { return math.Abs(l.Own(x[0])-y) / e }},
	"owa": {models.OWA{SMAPE: 0.2, MASE: 3}, true, func(x []float64, _, y, e float64, l models.Level) float64 {
		return (smape(l.Own(x[0]), y)/0.2 + math.Abs(l.Own(x[0])-y)/e/3) / 2
	}},
	"gaussian": {models.Gaussian{}, true, func(x []float64, z, _, _ float64, _ models.Level) float64 {
		return -distuv.Normal{Mu: x[0], Sigma: softplus(x[1]) + 1e-4}.LogProb(z)
	}},
	"student": {models.StudentT{}, false, func(x []float64, z, _, _ float64, _ models.Level) float64 {
		return -distuv.StudentsT{Mu: x[0], Sigma: softplus(x[1]) + 1e-4, Nu: 2 + softplus(x[2])}.LogProb(z)
	}},
	"negbin": {models.NegativeBinomial{}, false, func(x []float64, _, y, _ float64, l models.Level) float64 {
		return -math.Log(negbin(x, y, l))
	}},
	"quantile": {models.Quantiles{Levels: []float64{0.1, 0.5, 0.9}}, true,
		func(x []float64, z, _, _ float64, _ models.Level) float64 {
			sum := 0.0
			for i, q := range []float64{0.1, 0.5, 0.9} {
				if z > x[i] {
					sum += 2 * q * (z - x[i])
				} else {
					sum += 2 * (1 - q) * (x[i] - z)
				}
			}
			return sum / 3
		}},
}

func smape(said, y float64) float64 { return 2 * math.Abs(said-y) / (math.Abs(said) + math.Abs(y)) }

// negbin is the probability of y by the binomial coefficient: Γ(y+r) / (y! Γ(r)) pʳ (1-p)^y with p = r/(r+μ).
func negbin(x []float64, y float64, l models.Level) float64 {
	mean, r := l.Scale*(softplus(x[0])+1e-8), 1/(softplus(x[1])/math.Sqrt(l.Scale)+1e-3)
	a, _ := math.Lgamma(y + r)
	b, _ := math.Lgamma(y + 1)
	c, _ := math.Lgamma(r)
	return math.Exp(a - b - c + r*math.Log(r/(r+mean)) + y*math.Log(mean/(r+mean)))
}

// Every loss is that of its formula, and its derivative by every number is that of differences.
func TestForecastLosses(t *testing.T) {
	const n = 6 // one window, one column
	for name, c := range forecastLosses {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			all, places := c.Numbers()
			if places < 1 || places > all {
				t.Fatalf("%d of %d numbers are places", places, all)
			}
			level := models.Level{Scale: 0.8}
			if name != "negbin" {
				level.Shift, level.Log = 0.5, c.log
			}
			var nodes []*G.Node
			numbers := make([][]float64, all)
			for i := range all {
				var node *G.Node
				node, numbers[i] = f.floats(fmt.Sprint("numbers", i), 1, n, 1)
				nodes = append(nodes, node)
			}
			var y, z, e []float64
			for i := range n {
				v := level.Own(numbers[0][i] + f.rand.NormFloat64())
				if name == "negbin" {
					v = float64(2 * i)
				}
				y, z, e = append(y, v), append(z, level.Scaled(v)), append(e, math.Abs(v)+1)
			}
			fill := func(name string, x float64) *G.Node { return f.input(name, []float64{x}, 1, 1, 1) }
			loss := c.Loss(f.b, nodes, models.Truth{
				Scaled: f.input("z", z, 1, n, 1), Own: f.input("y", y, 1, n, 1), Offset: fill("offset", level.Shift),
				Slope: fill("slope", level.Scale), Error: f.input("error", e, 1, n, 1), Log: level.Log,
			})
			var want []float64
			for i := range n {
				var x []float64
				for _, row := range numbers {
					x = append(x, row[i])
				}
				want = append(want, c.want(x, z[i], y[i], e[i], level))
			}
			equal(t, "loss", f.run(loss)[0], want, 1e-9)
			f.checkGradients(f.b.Mean(loss), nodes...)
		})
	}
}

// Where the seasonal naive forecast makes no error, MASE is no number, and counts nothing; errors beyond 20 count as
// 20.
func TestScaledErrorIsBounded(t *testing.T) {
	f := newFixture(t)
	input := func(name string, x ...float64) *G.Node { return f.input(name, x, 1, len(x), 1) }
	x := input("x", 1, 2, 90)
	loss := models.MASE{}.Loss(f.b, []*G.Node{x}, models.Truth{
		Own: input("y", 5, 5, 5), Offset: input("offset", 0), Slope: input("slope", 1), Error: input("error", 0, 2, 2),
	})
	equal(t, "loss", f.run(loss)[0], []float64{0, 1.5, 20}, 1e-12)
	g, err := G.Grad(f.b.Sum(loss), x)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "derivative", f.run(g[0])[0], []float64{0, -0.5, 0}, 1e-12)
}

// A quantile is the value up to which the distribution has the probability p, and the point is the middle, or the
// mean of counts.
func TestQuantilesOfForecasts(t *testing.T) {
	x := []float64{0.7, -0.3, 0.4}
	sigma, nu := softplus(x[1])+1e-4, 2+softplus(x[2])
	level := models.Level{Shift: 2, Scale: 3, Log: true}
	for _, p := range []float64{0.01, 0.2, 0.5, 0.975} {
		for name, c := range map[string]struct {
			models.ForecastLoss
			cdf func(z float64) float64
		}{
			"gaussian": {models.Gaussian{}, distuv.Normal{Mu: x[0], Sigma: sigma}.CDF},
			"student":  {models.StudentT{}, distuv.StudentsT{Mu: x[0], Sigma: sigma, Nu: nu}.CDF},
		} {
			if got := c.cdf(level.Scaled(c.Quantile(x, p, level))); math.Abs(got-p) > 1e-9 {
				t.Errorf("%s: the quantile %g has probability %g", name, p, got)
			}
			if got, want := c.Point(x, level), math.Exp(2+3*x[0]); math.Abs(got-want) > 1e-9*want {
				t.Errorf("%s: the point is %g, want %g", name, got, want)
			}
		}
		counts := models.Level{Scale: 40}
		q, sum := models.NegativeBinomial{}.Quantile(x[:2], p, counts), 0.0
		for y := 0.0; y < q; y++ {
			sum += negbin(x, y, counts)
		}
		if last := negbin(x, q, counts); !(sum < p && sum+last >= p) {
			t.Errorf("negbin: %g have probability %g below %g, and %g with it", p, sum, q, sum+last)
		}
	}
	if got, want := (models.NegativeBinomial{}).Point(x[:2], models.Level{Scale: 40}),
		40*(softplus(0.7)+1e-8); math.Abs(got-want) > 1e-9 {
		t.Errorf("negbin: the mean is %g, want %g", got, want)
	}
	q := models.Quantiles{Levels: []float64{0.1, 0.6, 0.8}} // crossing, in the middle
	for p, want := range map[float64]float64{0.1: 1, 0.35: 2, 0.6: 3, 0.7: 4, 0.8: 5} {
		if got := q.Quantile([]float64{1, 5, 3}, p, models.Level{Scale: 1}); math.Abs(got-want) > 1e-12 {
			t.Errorf("quantile: %g is %g, want %g", p, got, want)
		}
	}
	for _, p := range []float64{0.05, 0.9, 0, 1, math.NaN()} {
		if q.CheckQuantile(p) == nil || models.SquaredError.CheckQuantile(models.SquaredError{}, p) == nil {
			t.Errorf("the quantile %g is accepted", p)
		}
	}
	if (models.Gaussian{}).CheckQuantile(1) == nil || (models.Gaussian{}).CheckQuantile(0.999) != nil {
		t.Error("a distribution has all quantiles between 0 and 1")
	}
}

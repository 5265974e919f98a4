package trainer

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/models"
)

// A stream forecasts what the whole window does: at its beginning, and after more values than a window has, for
// which a forecaster with the same weights reads longer windows.
func TestForecastStream(t *testing.T) {
	for _, autoregressive := range []bool{false, true} {
		t.Run(fmt.Sprint("autoregressive=", autoregressive), func(t *testing.T) {
			open := func(steps int) *Forecaster {
				c := sineConfig()
				c.Steps, c.Scaling = steps, Scaling{By: "none", Residual: "seasonal", Season: 3}
				c.Model.Cell, c.Model.Layers, c.Model.Known, c.Model.Static = models.CellConfig{Kind: "lstm"}, 2, 1, []int{2}
				c.Model.Embed, c.Model.Autoregressive = 2, autoregressive
				m, err := NewForecaster(c)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { m.Close() })
				return m
			}
			value := func(i int) float64 {
				if i%5 == 2 {
					return math.NaN()
				}
				return math.Sin(float64(i))
			}
			// window is one of 4n values, with the covariate of the 8 that follow.
			window := func(n int) Window {
				w := Window{Past: [][]float64{nil}, Known: [][]float64{nil}, Static: []int{1}}
				for i := range 4 * n {
					w.Past[0] = append(w.Past[0], value(i))
				}
				for i := range 4*n + 8 {
					w.Known[0] = append(w.Known[0], math.Cos(float64(i)))
				}
				return w
			}
			s, err := open(6).Stream(window(6))
			if err != nil {
				t.Fatal(err)
			}
			for n := 6; n < 9; n++ {
				got, err := s.Forecast([][]float64{window(n).Known[0][4*n:]})
				if err != nil {
					t.Fatal(err)
				}
				want, err := open(n).Forecast([]Window{window(n)})
				if err != nil {
					t.Fatal(err)
				}
				for h := range 8 {
					if g, w := got.Point(0, h), want[0].Point(0, h); math.Abs(g-w) > 1e-5 {
						t.Errorf("after %d patches value %d is %g, want %g", n, h, g, w)
					}
				}
				for i := range 4 {
					if err := s.Next([]float64{value(4*n + i)}, []float64{math.Cos(float64(4*n + i))}); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := s.Next([]float64{1}, []float64{1}); err != nil || s.Pending() != 1 {
				t.Fatal(s.Pending(), err)
			}
			if _, err := s.Forecast([][]float64{make([]float64, 8)}); err == nil ||
				!strings.Contains(err.Error(), "1 values of a patch of 4") {
				t.Errorf("%v", err)
			}
			if err := s.Next([]float64{1, 2}, nil); err == nil {
				t.Error("two values of one target are accepted")
			}
		})
	}
}

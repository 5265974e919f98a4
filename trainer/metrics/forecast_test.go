package metrics

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/setting"
)

var nan = math.NaN()

// equal compares numbers to 1e-9 of them, NaN equal to NaN.
func equal(t *testing.T, what string, want, got any) {
	t.Helper()
	options := cmp.Options{cmpopts.EquateApprox(1e-9, 1e-12), cmpopts.EquateNaNs(),
		cmpopts.IgnoreUnexported(ForecastScore{})}
	if diff := cmp.Diff(want, got, options); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", what, diff)
	}
}

// The rules of the M4 competition, beside a program in Python that was written from their description:
// testdata/make_forecast.py.
func TestM4Rules(t *testing.T) {
	var golden struct {
		Cases []struct {
			Name                      string
			Season                    int
			History, Actual, Forecast []float64
			Seasonal                  bool
			ACF, Scale                float64
			Indices, Naive2           []float64
			SMAPE, MASE               float64
			Naive2SMAPE               float64 `json:"naive2_smape"`
			Naive2MASE                float64 `json:"naive2_mase"`
		}
		Mean struct {
			SMAPE, MASE float64
			Naive2SMAPE float64 `json:"naive2_smape"`
			Naive2MASE  float64 `json:"naive2_mase"`
		}
		OWA float64
	}
	b, err := os.ReadFile("testdata/forecast.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	seasonal := 0
	var all []ForecastScore
	for _, c := range golden.Cases {
		if got := Seasonal(c.History, c.Season); got != c.Seasonal {
			t.Errorf("%s: seasonal %v", c.Name, got)
		}
		if c.Seasonal {
			seasonal++
		}
		equal(t, c.Name+": autocorrelation", c.ACF, autocorrelations(c.History, c.Season)[c.Season])
		if c.Indices != nil {
			equal(t, c.Name+": indices", c.Indices, SeasonalIndices(c.History, c.Season))
		}
		equal(t, c.Name+": Naive2", c.Naive2, Naive2(c.History, c.Season, len(c.Actual)))
		equal(t, c.Name+": scale", c.Scale, SeasonalScale(c.History, c.Season))
		f, err := NewForecasts(c.Season, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Add(c.Name, c.History, c.Actual, c.Forecast, nil); err != nil {
			t.Fatal(err)
		}
		got := f.Series()[0]
		equal(t, c.Name, ForecastScore{
			ID: c.Name, Values: len(c.Actual), SMAPE: c.SMAPE, MASE: c.MASE,
			OWA: (c.SMAPE/c.Naive2SMAPE + c.MASE/c.Naive2MASE) / 2,
			MAE: got.MAE, RMSE: got.RMSE, QuantileLoss: nan, Naive2SMAPE: c.Naive2SMAPE, Naive2MASE: c.Naive2MASE,
		}, got)
		all = append(all, got)
	}
	if seasonal != 5 {
		t.Errorf("%d cases have a season", seasonal)
	}
	total := (&Forecasts{scores: all}).Total() // series of different seasons, which an Add for all would not take
	equal(t, "OWA of all", golden.OWA, total.OWA)
	equal(t, "sMAPE of all", golden.Mean.SMAPE, total.SMAPE)
	equal(t, "MASE of all", golden.Mean.MASE, total.MASE)
	equal(t, "sMAPE of Naive2", golden.Mean.Naive2SMAPE, total.Naive2SMAPE)
	equal(t, "MASE of Naive2", golden.Mean.Naive2MASE, total.Naive2MASE)
}

func TestForecastErrors(t *testing.T) {
	y, f := []float64{1, nan, 3, 0, -2}, []float64{2, 7, 3, 0, 2}
	equal(t, "sMAPE", (200./3+0+0+200)/4, SMAPE(y, f)) // 0/0 is no error
	equal(t, "MAE", 5./4, MAE(y, f))
	equal(t, "RMSE", math.Sqrt(17./4), RMSE(y, f))
	equal(t, "MASE", 5./8, MASE(y, f, 2))
	equal(t, "MASE of a constant history", nan, MASE(y, f, 0))
	equal(t, "MASE of a short history", nan, MASE(y, f, nan))
	equal(t, "pinball at 0.9", (0.1*1+0.1*4)/4, Pinball(y, f, 0.9))
	equal(t, "pinball at 0.1", (0.9*1+0.9*4)/4, Pinball(y, f, 0.1))
	equal(t, "quantile loss", 2*(0.5+4.5)/2/6, WeightedQuantileLoss(y, [][]float64{f, f}, []float64{0.1, 0.9}))
	equal(t, "quantile loss of zeros", nan, WeightedQuantileLoss([]float64{0, nan}, [][]float64{{1, 1}}, []float64{0.5}))
	equal(t, "coverage", 3./4, Coverage(y, []float64{1, 9, 3, 0, -1}, []float64{1, 9, 4, 0, 0}))
	for _, x := range []float64{
		SMAPE(nil, nil), MAE([]float64{nan}, []float64{1}), RMSE(nil, nil), Coverage(nil, nil, nil), Pinball(nil, nil, 0.5),
	} {
		equal(t, "of nothing", nan, x)
	}
	equal(t, "OWA beside a perfect Naive2", nan, OWA(1, 1, 0, 1))
	equal(t, "scale", (3.+2)/2, SeasonalScale([]float64{1, nan, 4, 8, 2}, 2))
	equal(t, "scale of a season", nan, SeasonalScale([]float64{1, 2}, 2))
	equal(t, "scale of a constant", 0., SeasonalScale([]float64{2, 2, 2}, 1))
	equal(t, "scale of all that is missing", nan, SeasonalScale([]float64{2, nan, 2}, 1))
}

func TestNaive(t *testing.T) {
	for _, c := range []struct {
		what      string
		got, want []float64
	}{
		{"naive", Naive([]float64{1, 2, 3}, 2), []float64{3, 3}},
		{"naive, the last is missing", Naive([]float64{1, 2, nan}, 2), []float64{2, 2}},
		{"naive of nothing", Naive(nil, 1), []float64{nan}},
		{"seasonal", SeasonalNaive([]float64{9, 1, 2, 3}, 3, 7), []float64{1, 2, 3, 1, 2, 3, 1}},
		{"seasonal, a season is missing", SeasonalNaive([]float64{4, 5, nan, 6}, 2, 3), []float64{4, 6, 4}},
		{"seasonal, a phase is missing", SeasonalNaive([]float64{nan, 5, nan, 6}, 2, 2), []float64{6, 6}},
		{"seasonal, too short", SeasonalNaive([]float64{4, 5}, 3, 3), []float64{5, 4, 5}},
		{"no season", SeasonalNaive([]float64{4, 5}, 0, 1), []float64{5}},
		{"interpolated", interpolated([]float64{nan, 1, nan, nan, 4, nan}), []float64{1, 1, 2, 3, 4, 4}},
	} {
		equal(t, c.what, c.want, c.got)
	}
	season := []float64{10, 20, 30, 40}
	repeated := slices.Repeat(season, 5)
	equal(t, "Naive2 repeats a season", season, Naive2(repeated, 4, 4))
	gap := slices.Clone(repeated)
	gap[9] = nan // interpolated: 20 between 10 and 30
	equal(t, "Naive2 with a missing value", season, Naive2(gap, 4, 4))
	zero := slices.Clone(repeated)
	zero[2] = 0
	if !Seasonal(zero, 4) {
		t.Error("not seasonal with a zero")
	}
	equal(t, "Naive2 with a zero is Naive", []float64{40, 40}, Naive2(zero, 4, 2))
	if Seasonal(slices.Repeat([]float64{3}, 40), 4) {
		t.Error("a constant is seasonal")
	}
}

// Means over series are of those that have what is averaged; errors and quantiles are over all values.
func TestForecasts(t *testing.T) {
	f, err := NewForecasts(1, []float64{0.1, 0.25, 0.5, 0.75, 0.9})
	if err != nil {
		t.Fatal(err)
	}
	add := func(id string, history, actual, forecast []float64, width float64) {
		t.Helper()
		q := make([][]float64, 5)
		for i, offset := range []float64{-2, -1, 0, 1, 2} {
			for _, x := range forecast {
				q[i] = append(q[i], x+offset*width)
			}
		}
		if err := f.Add(id, history, actual, forecast, q); err != nil {
			t.Fatal(err)
		}
	}
	add("a", []float64{1, 2, 4}, []float64{4, 6}, []float64{4, 5}, 1)          // scale 1.5; Naive2 4, 4
	add("constant", []float64{5, 5, 5}, []float64{10}, []float64{5}, 1)        // no scale
	add("missing", []float64{1, 2}, []float64{nan, nan}, []float64{1, 1}, 1)   // nothing to compare with
	add("b", []float64{3, 1}, []float64{nan, 2}, []float64{math.Inf(1), 3}, 2) // scale 2; Naive2 1
	q := func(y, f, width float64) float64 {                                   // the mean loss of the quantiles at a value
		sum := 0.0
		for i, p := range []float64{0.1, 0.25, 0.5, 0.75, 0.9} {
			sum += pinball(y, f+float64(i-2)*width, p)
		}
		return 2 * sum / 5
	}
	smape := [3]float64{(0 + 200./11) / 2, 200. / 3, 200. / 5}
	smape2 := [3]float64{(0 + 400./10) / 2, 200. / 3, 200. / 3}
	mase, mase2 := (0.5/1.5+1./2)/2, (1./1.5+1./2)/2
	total := f.Total()
	want := ForecastTotal{Series: 3, Unscaled: 1, ForecastScore: ForecastScore{
		Values: 4, SMAPE: (smape[0] + smape[1] + smape[2]) / 3, MASE: mase,
		MAE: (0. + 1 + 5 + 1) / 4, RMSE: math.Sqrt((0. + 1 + 25 + 1) / 4),
		QuantileLoss: (q(4, 4, 1) + q(6, 5, 1) + q(10, 5, 1) + q(2, 3, 2)) / 22,
		Intervals:    []Interval{{0.8, 3. / 4}, {0.5, 3. / 4}},
		Naive2SMAPE:  (smape2[0] + smape2[1] + smape2[2]) / 3, Naive2MASE: mase2,
	}}
	want.OWA = (want.SMAPE/want.Naive2SMAPE + mase/mase2) / 2
	equal(t, "total", want, total)
	equal(t, "constant", ForecastScore{
		ID: "constant", Values: 1, SMAPE: 200. / 3, MASE: nan, OWA: nan, MAE: 5, RMSE: 5, QuantileLoss: q(10, 5, 1) / 10,
		Intervals: []Interval{{0.8, 0}, {0.5, 0}}, Naive2SMAPE: 200. / 3, Naive2MASE: nan,
	}, f.Series()[1])
	none, err := NewForecasts(1, nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "of nothing", ForecastTotal{ForecastScore: ForecastScore{
		SMAPE: nan, MASE: nan, OWA: nan, MAE: nan, RMSE: nan, QuantileLoss: nan, Naive2SMAPE: nan, Naive2MASE: nan,
	}}, none.Total())
}

func TestWrongForecasts(t *testing.T) {
	for _, c := range []struct {
		season    int
		quantiles []float64
		want      string
	}{
		{0, nil, "Season is 0: it must be at least 1"},
		{1, []float64{0.5, 0.5}, "Quantiles is [0.5 0.5]: it must be numbers between 0 and 1, each larger than the " +
			"one before"},
		{1, []float64{0}, "Quantiles is [0]: it must be numbers between 0 and 1, each larger than the one before"},
		{1, []float64{nan}, "Quantiles is [NaN]: it must be numbers between 0 and 1, each larger than the one before"},
	} {
		_, err := NewForecasts(c.season, c.quantiles)
		var e *setting.Error
		if !errors.As(err, &e) || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	f, err := NewForecasts(1, []float64{0.5})
	if err != nil {
		t.Fatal(err)
	}
	x := []float64{1, 2}
	for want, err := range map[string]error{
		`series "a": 0 quantiles, want 1`:                                    f.Add("a", x, x, x, nil),
		`series "a": a forecast of 1 steps, and 2 values to compare it with`: f.Add("a", x, x, x[:1], [][]float64{x}),
		`series "b": a forecast of 1 steps, and 2 values to compare it with`: f.Add("b", x, x, x, [][]float64{x[:1]}),
		`series "a": the forecast of step 2 is NaN`: f.Add("a",
			x, x, []float64{1, nan}, [][]float64{x}),
		`series "a": its history has no value`: f.Add("a",
			[]float64{nan}, x, x, [][]float64{x}),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if len(f.Series()) != 0 {
		t.Errorf("%d wrong forecasts count", len(f.Series()))
	}
}

// R² of a worked example, of the mean, and of what is all the same.
func TestR2(t *testing.T) {
	y := []float64{3, -0.5, 2, 7}
	for _, c := range []struct{ predicted, want float64 }{
		{R2(y, []float64{2.5, 0, 2, 8}), 1 - 1.5/29.1875},
		{R2(y, []float64{2.875, 2.875, 2.875, 2.875}), 0},
	} {
		if math.Abs(c.predicted-c.want) > 1e-12 {
			t.Errorf("%g, want %g", c.predicted, c.want)
		}
	}
	if !math.IsNaN(R2([]float64{1, 1}, []float64{1, 2})) {
		t.Error("a part of no spread")
	}
}

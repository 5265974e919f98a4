package metrics_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

// m4 reads a table of the hourly series of the M4 competition from the folder UNROLL_DATA.
func m4(t *testing.T, name string) []series.Series {
	t.Helper()
	dir := os.Getenv("UNROLL_DATA")
	if dir == "" {
		t.Skip("needs UNROLL_DATA")
	}
	set, err := series.Read(filepath.Join(dir, "m4_hourly", name), series.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set.Series
}

// What the competition published of its hourly series, to its three digits: the page "Point Forecasts-Frequency" of
// its results. Its OWA was made of rounded numbers.
func TestM4Hourly(t *testing.T) {
	train, test := m4(t, "Hourly-train.csv.gz"), m4(t, "Hourly-test.csv")
	for _, c := range []struct {
		name             string
		forecast         func(history []float64) []float64
		smape, mase, owa float64
	}{
		{"Naive", func(x []float64) []float64 { return metrics.Naive(x, 48) }, 43.003, 11.608, 3.593},
		{"seasonal naive", func(x []float64) []float64 { return metrics.SeasonalNaive(x, 24, 48) }, 13.912, 1.193, 0.6275},
		{"Naive2", func(x []float64) []float64 { return metrics.Naive2(x, 24, 48) }, 18.383, 2.395, 1},
	} {
		f, err := metrics.NewForecasts(24, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range train {
			if err := f.Add(s.ID, s.Values[0], test[i].Values[0], c.forecast(s.Values[0]), nil); err != nil {
				t.Fatal(err)
			}
		}
		total := f.Total()
		for _, x := range []struct {
			what      string
			got, want float64
		}{{"sMAPE", total.SMAPE, c.smape}, {"MASE", total.MASE, c.mase}, {"OWA", total.OWA, c.owa}} {
			if math.Abs(x.got-x.want) > 0.0005 {
				t.Errorf("%s of %s is %.6f, want %.3f", x.what, c.name, x.got, x.want)
			}
		}
	}
}

// Series that show a rule each: seven of the hourly ones, as an own program in Python has them. H272 alone is not
// seasonal.
func TestM4Series(t *testing.T) {
	type indices = [3]float64
	type row struct {
		n                                              int
		seasonal                                       bool
		scale, smape2, mase2, smape, mase, first, last float64
		indices                                        indices
	}
	golden := map[string]row{
		"H1": {700, true, 42.371302, 3.807667, 0.573269, 5.262881, 0.827014, 620.173495, 684, indices{1.23004571,
			1.16858923, 1.14205246}},
		"H75": {700, true, 886.323964, 5.516669, 0.964917, 5.745358, 0.995615, 13134.640693, 14288, indices{1.21588114,
			1.15231375, 1.09552742}},
		"H130": {700, true, 299.852071, 67.198397, 0.430898, 56.513664, 0.369001, 10.077362, 11, indices{0.0911387,
			0.09253931, 0.07752182}},
		"H187": {960, true, 0.014957, 0.324387, 5.846204, 0.087231, 1.532143, 25.150365, 25.3, indices{0.95331569,
			0.95227019, 0.94737189}},
		"H223": {960, true, 3.220406, 12.562565, 0.599850, 11.782142, 0.567346, 14.762941, 14.6, indices{1.06263311,
			0.94155444, 0.95487747}},
		"H272": {960, false, 4.236538, 12.348368, 0.640755, 20.718224, 1.087267, 21.9, 21.9, indices{}},
		"H414": {960, true, 35.574786, 38.626533, 0.584283, 22.026474, 0.387681, 11.198344, 17, indices{0.25122325,
			0.19858614, 0.17780171}},
	}
	train, test := m4(t, "Hourly-train.csv.gz"), m4(t, "Hourly-test.csv")
	seasonal, seen := 0, 0
	for i, s := range train {
		x, y := s.Values[0], test[i].Values[0]
		if metrics.Seasonal(x, 24) {
			seasonal++
		}
		want, ok := golden[s.ID]
		if !ok {
			continue
		}
		seen++
		scale, naive2, again := metrics.SeasonalScale(x, 24), metrics.Naive2(x, 24, 48), metrics.SeasonalNaive(x, 24, 48)
		got := row{
			n: len(x), seasonal: metrics.Seasonal(x, 24), scale: scale, first: naive2[0], last: naive2[47],
			smape2: metrics.SMAPE(y, naive2), mase2: metrics.MASE(y, naive2, scale),
			smape: metrics.SMAPE(y, again), mase: metrics.MASE(y, again, scale),
		}
		if got.seasonal {
			got.indices = [3]float64(metrics.SeasonalIndices(x, 24))
		}
		for _, x := range [][2]float64{
			{want.scale, got.scale}, {want.smape2, got.smape2}, {want.mase2, got.mase2},
			{want.smape, got.smape}, {want.mase, got.mase},
			{want.first, got.first}, {want.last, got.last},
			{want.indices[0], got.indices[0]}, {want.indices[1], got.indices[1]}, {want.indices[2], got.indices[2]},
		} {
			if math.Abs(x[0]-x[1]) > 1e-6 || want.n != got.n || want.seasonal != got.seasonal {
				t.Errorf("%s:\ngot  %+v\nwant %+v", s.ID, got, want)
				break
			}
		}
	}
	if seasonal != 413 || seen != len(golden) {
		t.Errorf("%d series are seasonal, %d of %d are there", seasonal, seen, len(golden))
	}
}

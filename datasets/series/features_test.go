package series

import (
	"math"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/setting"
)

// twoChannels are cases with a mean of 2 and 10 and a deviation of 1 and 10.
func twoChannels() []Case {
	return []Case{
		{Values: [][]float64{{1, 3, nan, 1}, {0, 20, 0, nan}}},
		{Values: [][]float64{{3}, {20}}},
	}
}

func wantVector(t *testing.T, f *Features, c *Case, want ...float32) {
	t.Helper()
	got := make([]float32, f.Steps(c)*f.Size())
	if err := f.Fill(c, got); err != nil {
		t.Fatal(err)
	}
	same(t, "vectors", want, got)
}

// Values become numbers of about 1, missing ones the value before, and what is there is said.
func TestFeatures(t *testing.T) {
	cases := twoChannels()
	f := &Features{}
	if err := f.Fit(2, cases); err != nil {
		t.Fatal(err)
	}
	same(t, "fitted", &Features{Channels: 2, Means: []float64{2, 10}, Deviations: []float64{1, 10}, Missing: MissingMask},
		f)
	wantVector(t, f, &cases[0],
		-1, -1, 1, 1,
		1, 1, 1, 1,
		1, -1, 0, 1,
		-1, -1, 1, 0)
	f.Missing, f.Differences = MissingCarry, true
	wantVector(t, f, &cases[0],
		-1, -1, 0, 0,
		1, 1, 2, 2,
		1, -1, 0, -2,
		-1, -1, -2, 0)
	wantVector(t, f, &Case{Values: [][]float64{{nan, 4}, {nan, nan}}}, 0, 0, 0, 0, 2, 0, 2, 0)
	f.Differences, f.Patch = false, 3
	wantVector(t, f, &cases[0],
		0, 0, 0, 0, -1, -1,
		1, 1, 1, -1, -1, -1)
	f.Patch, f.Scale = 1, ScaleSeries
	wantVector(t, f, &Case{Values: [][]float64{{5, 7, 5, 7}, {3, 3, 3, 3}}}, -1, 0, 1, 0, -1, 0, 1, 0)
	f.Scale = ScaleNone
	wantVector(t, f, &cases[1], 3, 20)
}

// Without missing values nothing says what is there.
func TestFeaturesWithoutMissingValues(t *testing.T) {
	f := &Features{}
	if err := f.Fit(1, []Case{{Values: [][]float64{{7, 7}}}}); err != nil {
		t.Fatal(err)
	}
	same(t, "fitted", &Features{Channels: 1, Means: []float64{7}, Deviations: []float64{1}, Missing: MissingCarry}, f)
}

// Noise is on values and their changes alone.
func TestNoise(t *testing.T) {
	f := &Features{Channels: 2, Differences: true, Missing: MissingMask}
	v := make([]float32, 12)
	f.Noise(v, func() float64 { return 1 })
	same(t, "noise", []float32{1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0}, v)
}

func TestFeaturesCheck(t *testing.T) {
	for name, change := range map[string]func(*Features){
		"Channels":   func(f *Features) { f.Channels = 0 },
		"Means":      func(f *Features) { f.Means = nil },
		"Deviations": func(f *Features) { f.Deviations[0] = 0 },
		"Scale":      func(f *Features) { f.Scale = "log" },
		"Missing":    func(f *Features) { f.Missing = "zero" },
		"Patch":      func(f *Features) { f.Patch = 1 << 30 },
	} {
		f := &Features{}
		if err := f.Fit(2, twoChannels()); err != nil {
			t.Fatal(err)
		}
		change(f)
		var wrong *setting.Error
		if err := f.Check(); !errors.As(err, &wrong) || wrong.Setting != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, x := range []float64{nan, math.Inf(1), -1} { // the mean of a channel, or its deviation
		for _, f := range []*Features{
			{Channels: 2, Means: []float64{0, x}, Deviations: []float64{1, 1}},
			{Channels: 2, Means: []float64{0, 0}, Deviations: []float64{1, x}},
		} {
			if right := x == -1 && f.Deviations[1] == 1; right != (f.Check() == nil) {
				t.Errorf("%+v: %v", f, f.Check())
			}
		}
	}
	if (&Features{}).Fit(3, twoChannels()) == nil {
		t.Error("cases of two channels have three")
	}
	f := &Features{}
	if err := f.Fit(2, twoChannels()); err != nil {
		t.Fatal(err)
	}
	if f.Fill(&Case{Values: [][]float64{{1}}}, make([]float32, f.Size())) == nil {
		t.Error("a case of one channel was read")
	}
}

package plots

import (
	"bytes"
	"encoding/xml"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/unroll-ml/unroll/datasets/series"
)

func example(n, steps int) *Forecast {
	f := &Forecast{Title: "H1, hourly", Start: time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC),
		Step: series.Step{Seconds: 3600}}
	at := func(t int) float64 {
		return 500 + 150*math.Sin(2*math.Pi*float64(t)/24) + 40*math.Sin(float64(t*t))
	}
	for t := range n {
		f.History = append(f.History, at(t))
	}
	f.Bands = []Band{{Level: 0.95}, {Level: 0.8}, {Level: 0.5}}
	for h := range steps {
		x := 500 + 150*math.Sin(2*math.Pi*float64(n+h)/24)
		f.Actual, f.Forecast = append(f.Actual, at(n+h)), append(f.Forecast, x)
		for i, width := range []float64{70, 45, 22} {
			spread := width * math.Sqrt(1+float64(h)/10)
			f.Bands[i].Low, f.Bands[i].High = append(f.Bands[i].Low, x-spread), append(f.Bands[i].High, x+spread)
		}
	}
	return f
}

func drawn(t *testing.T, f *Forecast, format string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is in a picture is named in it, and what is not is not.
func TestSVG(t *testing.T) {
	f := example(120, 48)
	f.Title = "demand < 1 & more"
	text := func() string {
		var all []string
		d := xml.NewDecoder(bytes.NewReader(drawn(t, f, SVG)))
		for {
			token, err := d.Token()
			if err == io.EOF {
				return strings.Join(all, "|")
			}
			if err != nil {
				t.Fatal(err)
			}
			if c, ok := token.(xml.CharData); ok && strings.TrimSpace(string(c)) != "" {
				all = append(all, strings.TrimSpace(string(c)))
			}
		}
	}
	names := []string{f.Title, "95% interval", "80% interval", "50% interval", "history", "what came", "forecast",
		"2024-03-02", "2024-03-06", "500"}
	for _, name := range names {
		if got := text(); !strings.Contains(got, name) {
			t.Errorf("no %q in %s", name, got)
		}
	}
	f.Actual, f.Bands, f.Step = nil, nil, series.Step{}
	got := text()
	for _, name := range []string{"interval", "what came", "2024"} {
		if strings.Contains(got, name) {
			t.Errorf("%q in %s", name, got)
		}
	}
	if !strings.Contains(got, "|-100|-50|0|") {
		t.Errorf("steps are not counted: %s", got)
	}
	if !bytes.Equal(drawn(t, f, SVG), drawn(t, f, SVG)) {
		t.Error("two pictures of the same differ")
	}
}

// The paper and each colour are in a picture; what is missing leaves a gap, and a value between two of them is a point.
func TestPNG(t *testing.T) {
	f := example(6, 12)
	f.History[1], f.History[3] = math.NaN(), math.NaN()
	f.Actual[2], f.Forecast[3] = math.NaN(), math.NaN()
	f.Bands[0].Low[5] = math.NaN()
	count := func() map[color.Color]int {
		picture, err := png.Decode(bytes.NewReader(drawn(t, f, PNG)))
		if err != nil {
			t.Fatal(err)
		}
		if size := picture.Bounds().Size(); size != image.Pt(806, 461) {
			t.Errorf("size %v", size)
		}
		counts := map[color.Color]int{}
		for y := range picture.Bounds().Dy() {
			for x := range picture.Bounds().Dx() {
				counts[color.RGBAModel.Convert(picture.At(x, y))]++
			}
		}
		return counts
	}
	counts := count()
	for _, c := range []color.Color{paper, ink, blue, orange, mix(blue, paper, 0.22), mix(blue, paper, 0.44)} {
		if counts[c] < 40 {
			t.Errorf("%d pixels are %v", counts[c], c)
		}
	}
	gaps := counts[color.Color(ink)]
	f.History[1], f.History[3] = f.History[0], f.History[2]
	if whole := count()[color.Color(ink)]; whole < gaps+100 {
		t.Errorf("%d dark pixels without gaps, %d with", whole, gaps)
	}
}

// One value, or equal ones, are a picture, too.
func TestFewValues(t *testing.T) {
	for _, f := range []*Forecast{
		{History: []float64{3}, Forecast: []float64{3}},
		{History: []float64{math.NaN()}, Forecast: []float64{3}, Actual: []float64{math.NaN()}},
		{History: []float64{1e-300, 1e300}, Forecast: []float64{-1e300}},
	} {
		for _, format := range []string{SVG, PNG} {
			if len(drawn(t, f, format)) < 1000 {
				t.Errorf("%+v: nothing is drawn", f)
			}
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		start time.Time
		step  series.Step
		n     int
		want  string
	}{
		{time.Date(2024, 3, 1, 22, 0, 0, 0, time.UTC), series.Step{Seconds: 3600}, 30, "2 Mar 00:00, 2 Mar 12:00, 3 " +
			"Mar 00:00"},
		{time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC), series.Step{Seconds: 3600}, 6, "1 Mar 00:00, 1 Mar 03:00"},
		{time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC), series.Step{Seconds: 3600}, 120, "2024-03-02, 2024-03-04"},
		{time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC), series.Step{Seconds: 86400}, 40, "2024-03-11, 2024-03-25, " +
			"2024-04-08"},
		{time.Date(1949, 1, 1, 0, 0, 0, 0, time.UTC), series.Step{Months: 1}, 40, "1949, 1950, 1951, 1952"},
		{time.Date(1949, 1, 1, 0, 0, 0, 0, time.UTC), series.Step{Months: 1}, 9, "1949-01, 1949-04, 1949-07"},
		{time.Date(1800, 1, 1, 0, 0, 0, 0, time.UTC), series.Step{Months: 12}, 220, "1800, 1850, 1900, 1950, 2000"},
		{time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC), series.Step{Seconds: 1}, 3, "00:00:00, 00:00:01, 00:00:02"},
		{time.Time{}, series.Step{}, 12, "-10, -8, -6, -4, -2, 0"},
		{time.Time{}, series.Step{}, 900, "-800, -600, -400, -200, 0"},
	} {
		f := &Forecast{Start: c.start, Step: c.step, History: make([]float64, c.n)}
		var labels []string
		for _, tick := range f.ticks(float64(1-c.n), 0) {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, ", "); got != c.want {
			t.Errorf("%d steps of a %s: %s", c.n, c.step, got)
		}
	}
}

func TestWrongPictures(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		f      Forecast
		format string
		want   string
	}{
		{Forecast{}, SVG, "a picture of 0 values and a forecast of 0 steps: there must be one of each"},
		{Forecast{History: []float64{1}, Forecast: []float64{1, 2}, Actual: []float64{1}}, SVG, "a picture of a " +
			"forecast of 2 steps, with a line of 1"},
		{Forecast{History: []float64{1}, Forecast: []float64{1}, Bands: []Band{{}}}, SVG, "a picture of a forecast of " +
			"1 steps, with a line of 0"},
		{Forecast{History: []float64{inf}, Forecast: []float64{1}}, SVG, "a picture of the value +Inf: it must be finite"},
		{Forecast{History: []float64{1}, Forecast: []float64{math.MaxFloat64}}, SVG, "a picture of the value " +
			"1.7976931348623157e+308: it must be finite"},
		{Forecast{History: []float64{nan}, Forecast: []float64{nan}}, SVG, "a picture without a value"},
		{Forecast{History: []float64{1}, Forecast: []float64{1}}, "gif", `a picture cannot be "gif": it must be svg or png`},
	} {
		if err := c.f.Write(io.Discard, c.format); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

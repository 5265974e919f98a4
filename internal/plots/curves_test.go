package plots

import (
	"bytes"
	"encoding/xml"
	"image/color"
	"image/png"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// curveOf is a curve of numbers at steps from 1 on.
func curveOf(numbers ...float64) *Curve {
	c := &Curve{}
	for i, y := range numbers {
		c.Add(float64(i+1), y)
	}
	return c
}

// Of very many numbers a curve keeps few, and of these every extreme and the mean of all.
func TestCurveKeepsExtremes(t *testing.T) {
	const n = 300_000
	c, sum := &Curve{}, 0.0
	for i := 1; i <= n; i++ {
		y := math.Sin(float64(i))
		switch i {
		case 77_777:
			y = 50
		case 222_222:
			y = -70
		}
		sum += y
		c.Add(float64(i), y)
	}
	if len(c.buckets) > mostBuckets || len(c.buckets) < mostBuckets/4 {
		t.Errorf("%d buckets", len(c.buckets))
	}
	low, high := c.span()
	first, last := c.steps()
	if low != -70 || high != 50 || first != 1 || last != n || c.Len() != n {
		t.Errorf("from %g to %g, steps %g to %g of %d", low, high, first, last, c.Len())
	}
	mean, count := 0.0, 0
	for i, b := range c.buckets {
		mean, count = mean+b.mean*float64(b.n), count+b.n
		if in := b.first <= 77_777 && 77_777 <= b.last; in != (b.max == 50) {
			t.Errorf("bucket %d of steps %g to %g: greatest %g", i, b.first, b.last, b.max)
		}
	}
	if count != n || math.Abs(mean-sum) > 1e-6 {
		t.Errorf("%d numbers with sum %g, want %d and %g", count, mean, n, sum)
	}
}

// texts are those of an SVG.
func texts(t *testing.T, svg []byte) string {
	t.Helper()
	var all []string
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
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

func curves(t *testing.T, c *Curves, format string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := c.Write(&b, format); err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	return b.Bytes()
}

func TestCurves(t *testing.T) {
	loss, valid := &Curve{}, &Curve{}
	for i := range 25_000 {
		loss.Add(float64(i+1), 100*math.Exp(-float64(i)/3000)+0.1)
		if i%1000 == 0 {
			valid.Add(float64(i+1), 60*math.Exp(-float64(i)/3000)+0.2)
		}
	}
	c := &Curves{Title: "a & b", Best: 24_001, Panels: []Panel{
		{Title: "loss", Log: true, Lines: []Line{{"training", loss}, {"validation", valid}}},
		{Title: "nothing", Lines: []Line{{"none", &Curve{}}}},
		{Title: "rate", Lines: []Line{{"rate", curveOf(0.25, 0.5)}}},
	}}
	got := texts(t, curves(t, c, SVG))
	for _, want := range []string{"a & b|", "|loss|training|validation|", "|step|5k|10k|15k|20k|25k|1|10|100|",
		"|rate|", "prefers-color-scheme: dark"} {
		if !strings.Contains("|"+got+"|", want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	if strings.Contains(got, "nothing") || strings.Contains(got, "not finite") {
		t.Errorf("what there is not is drawn: %s", got)
	}
	picture, err := png.Decode(bytes.NewReader(curves(t, c, PNG)))
	if err != nil {
		t.Fatal(err)
	}
	counts := map[color.Color]int{}
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			counts[color.RGBAModel.Convert(picture.At(x, y))]++
		}
	}
	for _, want := range []color.Color{paper, ink, blue, orange} {
		if counts[want] < 200 {
			t.Errorf("%d pixels are %v", counts[want], want)
		}
	}
}

// Whatever the numbers are, there is a picture.
func TestCurvesOfAnyNumbers(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, numbers := range [][]float64{
		{1}, {0}, {-3}, {nan}, {inf, nan, -inf}, {2, 2, 2}, {1e-300, 1e299}, {-1e299, 1e299}, {1, 1e12, nan, 3},
		{math.MaxFloat64, 1}, {0, 5e-324}, {1e-320, 1}, {1, math.Nextafter(1, 2)}, {-5, 100},
	} {
		c := &Curves{Title: "any", Best: 1, Panels: []Panel{{Title: "loss", Log: true,
			Lines: []Line{{"training", curveOf(numbers...)}}}}}
		for _, format := range Formats {
			begin := time.Now()
			if picture := curves(t, c, format); len(picture) < 1000 {
				t.Errorf("%v: nothing is drawn", numbers)
			}
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("%v: drawn in %v", numbers, took)
			}
		}

		finite := !strings.Contains(texts(t, curves(t, c, SVG)), "× not finite")
		want := !slices.ContainsFunc(numbers, func(x float64) bool { return !(math.Abs(x) < tooLarge) })
		if finite != want {
			t.Errorf("%v: all are finite: %v", numbers, finite)
		}
	}
	if err := (&Curves{Panels: []Panel{{Lines: []Line{{"a", &Curve{}}}}}}).Write(io.Discard, SVG); err == nil {
		t.Error("a picture of nothing")
	}
}

// The dark colours are as far from their paper as the light ones are from theirs, and keep their hue.
func TestDarkColors(t *testing.T) {
	contrast := func(a, b color.RGBA) float64 { // WCAG 2.1
		luminance := func(c color.RGBA) float64 {
			sum := 0.0
			for i, x := range []uint8{c.R, c.G, c.B} {
				v := float64(x) / 255
				if v <= 0.04045 {
					v /= 12.92
				} else {
					v = math.Pow((v+0.055)/1.055, 2.4)
				}
				sum += v * []float64{0.2126, 0.7152, 0.0722}[i]
			}
			return sum
		}
		x, y := luminance(a), luminance(b)
		return (max(x, y) + 0.05) / (min(x, y) + 0.05)
	}
	for _, c := range append(hues, ink) {
		light, dark := contrast(c, paper), contrast(darkened(c), darkened(paper))
		least := 3.0 // of lines
		if c == ink {
			least = 4.5 // of texts
		}
		if light < least || dark < least {
			t.Errorf("%v: contrast %.1f on light paper, %v: %.1f on dark", c, light, darkened(c), dark)
		}
	}
	if d := darkened(blue); !(d.B > d.G && d.G > d.R) {
		t.Errorf("blue becomes %v", d)
	}
}

func TestStepTicks(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		want      string
	}{
		{1, 2, "1 2"}, {0, 2, "0 1 2"}, {1, 1200, "200 400 600 800 1k 1.2k"}, {1, 45_000, "10k 20k 30k 40k"},
		{1, 3e6, "500k 1M 1.5M 2M 2.5M 3M"}, {2e9, 5e9, "2G 2.5G 3G 3.5G 4G 4.5G 5G"}, {4, 6, "4 5 6"},
	} {
		var labels []string
		for _, tick := range stepTicks(c.low, c.high) {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != c.want {
			t.Errorf("%g to %g: %s, want %s", c.low, c.high, got, c.want)
		}
	}
}

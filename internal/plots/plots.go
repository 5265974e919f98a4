// Package plots draws pictures for people: of a series with what was forecast of it, and of curves over steps.
//
// They have a background and colours of their own, so that they are read on light pages and on dark ones; an SVG has a
// dark set of them, too. Colours are told apart by people who are colour-blind. It knows numbers and times, and
// nothing of models.
package plots

import (
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/pkg/errors"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/unroll-ml/unroll/datasets/series"
)

// Forecast is a series, what was forecast of it, and what came. NaN are missing values, which lines leave out.
type Forecast struct {
	Title    string
	Start    time.Time   // of the first value of History
	Step     series.Step // zero: there are no times, and steps are counted from the first that was forecast
	History  []float64   // at least one value
	Actual   []float64   // nil: it is not known
	Forecast []float64   // at least one value
	Bands    []Band      // the widest first
}

// Band is an interval in which a part of the values should lie, at each step that was forecast.
type Band struct {
	Level     float64 // that part
	Low, High []float64
}

// height is that of a picture.
const height = 3.2 * vg.Inch

// Write draws the picture as SVG or PNG.
func (f *Forecast) Write(w io.Writer, format string) error {
	if err := f.check(); err != nil {
		return err
	}
	p, legend, err := f.plot()
	if err != nil {
		return err
	}
	page, err := newPage(pageWidth, height, format)
	if err != nil {
		return err
	}
	const side, gap, margin = 1.15 * vg.Inch, 6, 8
	inner := draw.Crop(page.Canvas, margin, -margin, margin, -margin)
	p.Draw(draw.Crop(inner, 0, -side, 0, 0))
	legend.Draw(draw.Crop(inner, inner.Max.X-inner.Min.X-side+gap, 0, 0, -margin))
	return page.write(w)
}

// check says what is wrong with the numbers.
func (f *Forecast) check() error {
	steps := len(f.Forecast)
	if len(f.History) == 0 || steps == 0 {
		return errors.Errorf("a picture of %d values and a forecast of %d steps: there must be one of each",
			len(f.History), steps)
	}
	lines := [][]float64{f.Forecast}
	if f.Actual != nil {
		lines = append(lines, f.Actual)
	}
	for _, b := range f.Bands {
		lines = append(lines, b.Low, b.High)
	}
	for _, x := range lines {
		if len(x) != steps {
			return errors.Errorf("a picture of a forecast of %d steps, with a line of %d", steps, len(x))
		}
	}
	some := false
	for _, x := range append(lines, f.History) {
		for _, v := range x {
			if math.IsInf(v, 0) || math.Abs(v) > math.MaxFloat64/4 { // the axis is longer than the numbers
				return errors.Errorf("a picture of the value %g: it must be finite", v)
			}
			some = some || !math.IsNaN(v)
		}
	}
	if !some {
		return errors.New("a picture without a value")
	}
	return nil
}

// plot draws bands under lines.
func (f *Forecast) plot() (*plot.Plot, *plot.Legend, error) {
	p, legend := f.frame()
	for i, b := range f.Bands {
		shade := mix(blue, paper, 0.22+0.33*float64(i)/float64(len(f.Bands)))
		for _, ring := range rings(b.Low, b.High) {
			area, err := plotter.NewPolygon(ring)
			if err != nil {
				return nil, nil, errors.WithStack(err)
			}
			area.Color, area.LineStyle.Width = shade, 0
			p.Add(area)
			if ring[0].X == 1 {
				legend.Add(strconv.FormatFloat(100*b.Level, 'g', 4, 64)+"% interval", area)
			}
		}
	}
	joined := slices.Concat(f.History[len(f.History)-1:], f.Actual) // what came goes on from the history
	for _, l := range []struct {
		name   string
		first  int // step
		values []float64
		color  color.Color
		dashes []vg.Length
	}{
		{"history", 1 - len(f.History), f.History, ink, nil},
		{"what came", 0, joined, orange, nil},
		{"forecast", 1, f.Forecast, blue, []vg.Length{5, 2}},
	} {
		if l.name == "what came" && f.Actual == nil {
			continue
		}
		for i, run := range runs(l.values, l.first) {
			line, err := plotter.NewLine(run)
			if err != nil {
				return nil, nil, errors.WithStack(err)
			}
			line.Color, line.Width, line.Dashes = l.color, vg.Points(1.4), l.dashes
			p.Add(line)
			if len(run) == 1 { // a line has no length
				if err := point(p, run, l.color); err != nil {
					return nil, nil, err
				}
			}
			if i == 0 {
				legend.Add(l.name, line)
			}
		}
	}
	return p, legend, nil
}

func point(p *plot.Plot, at plotter.XYs, c color.Color) error {
	s, err := plotter.NewScatter(at)
	if err != nil {
		return errors.WithStack(err)
	}
	s.GlyphStyle = draw.GlyphStyle{Color: c, Radius: vg.Points(1.6), Shape: draw.CircleGlyph{}}
	p.Add(s)
	return nil
}

// frame is a plot with axes and nothing in it, and a legend.
func (f *Forecast) frame() (*plot.Plot, *plot.Legend) {
	p, legend := plot.New(), plot.NewLegend()
	p.Title.Text, p.BackgroundColor = f.Title, paper
	sans(&p.Title.TextStyle, headLetters)
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		sans(&axis.Tick.Label, letters)
		axis.LineStyle.Color, axis.Tick.LineStyle.Color = ink, ink
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.TickerFunc(f.ticks), plot.TickerFunc(values)
	sans(&legend.TextStyle, letters)
	legend.Left, legend.Top, legend.Padding, legend.ThumbnailWidth = true, true, vg.Points(3), vg.Points(14)
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = nil, faint
	p.Add(grid)
	return p, &legend
}

// runs are the parts of a line between missing values, which begins at a step.
func runs(values []float64, first int) []plotter.XYs {
	var all []plotter.XYs
	open := false
	for i, v := range values {
		if math.IsNaN(v) {
			open = false
			continue
		}
		if !open {
			all, open = append(all, nil), true
		}
		all[len(all)-1] = append(all[len(all)-1], plotter.XY{X: float64(first + i), Y: v})
	}
	return all
}

// rings are the outlines of a band, between missing values.
func rings(low, high []float64) []plotter.XYs {
	both := make([]float64, len(low))
	for i := range low {
		both[i] = low[i] + high[i] // NaN if one is
	}
	all := runs(both, 1)
	for i, ring := range all {
		for j := range ring {
			ring[j].Y = low[int(ring[j].X)-1]
		}
		for _, xy := range slices.Backward(ring) {
			ring = append(ring, plotter.XY{X: xy.X, Y: high[int(xy.X)-1]})
		}
		all[i] = ring
	}
	return all
}

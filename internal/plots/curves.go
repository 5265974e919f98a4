package plots

import (
	"image/color"
	"io"
	"math"
	"strings"

	"github.com/pkg/errors"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Curves is a picture of curves over the steps of trainings, in panels.
type Curves struct {
	Title  string
	Panels []Panel // those without a curve of a number are left out
	Best   float64 // a step to mark; 0: none
	Apart  bool    // each panel has steps of its own
}

// Panel has curves of one unit.
type Panel struct {
	Title string // what is drawn, and its unit
	Lines []Line
	Log   bool // the axis is logarithmic if that shows more
}

// Line is a curve with its name.
type Line struct {
	Name  string
	Curve *Curve
}

const (
	panelHeight = 1.9 * vg.Inch
	onlyHeight  = 3 * vg.Inch // of a panel without others
	headHeight  = 0.3 * vg.Inch
	titleHeight = 0.18 * vg.Inch // of a line of a title
	nameHeight  = 0.18 * vg.Inch // of a line in the list of names

	// beside each other in a list of names
	namesBeside = 2
	// pointsShown is up to how many numbers of a curve are marked one by one.
	pointsShown = 40
	// logFrom is from what quotient of the greatest and the least number an axis is logarithmic.
	logFrom = 20
)

// hues are the colours of the lines of a panel, for all kinds of eyes (after Okabe and Ito, 2008).
var hues = []color.RGBA{
	blue, orange, {R: 0, G: 128, B: 96, A: 255}, {R: 170, G: 68, B: 153, A: 255}, {R: 138, G: 109, B: 0, A: 255},
	{R: 46, G: 152, B: 200, A: 255}, {R: 160, G: 30, B: 50, A: 255}, {R: 96, G: 96, B: 96, A: 255},
}

// hue is the colour of a line, and its dashes: more lines than there are colours are told apart by those.
func hue(line int) (color.RGBA, []vg.Length) {
	dashes := [][]vg.Length{nil, {6, 2}, {2, 2}, {8, 2, 2, 2}}
	return hues[line%len(hues)], dashes[line/len(hues)%len(dashes)]
}

// Write draws the picture as SVG or PNG. Steps of a curve must grow.
func (c *Curves) Write(w io.Writer, format string) (err error) {
	defer func() {
		if p := recover(); p != nil { // the library draws, or panics
			err = errors.Errorf("drawing failed: %v", p)
		}
	}()
	var panels []*Panel
	for i := range c.Panels {
		for _, l := range c.Panels[i].Lines {
			if l.Curve.Len() > 0 {
				panels = append(panels, &c.Panels[i])
				break
			}
		}
	}
	if len(panels) == 0 {
		return errors.New("a picture without a number")
	}
	columns, high := 2, panelHeight
	if len(panels) == 1 {
		columns, high = 1, onlyHeight
	}
	const margin = 8
	wide := pageWidth / vg.Length(columns)
	rows := (len(panels) + columns - 1) / columns
	head := vg.Length(0) // of titles and names
	for _, p := range panels {
		head = max(head, p.head(wide-2*margin))
	}
	high += head
	page, err := newPage(pageWidth, headHeight+vg.Length(rows)*high, format)
	if err != nil {
		return err
	}
	page.FillText(written(headLetters), vg.Point{X: margin, Y: page.Max.Y - 0.22*vg.Inch}, c.Title)
	for i, p := range panels {
		left, top := vg.Length(i%columns)*wide, page.Max.Y-headHeight-vg.Length(i/columns)*high
		at := draw.Canvas{Canvas: page.Canvas.Canvas, Rectangle: vg.Rectangle{
			Min: vg.Point{X: left, Y: top - high}, Max: vg.Point{X: left + wide, Y: top}}}
		if err := c.panel(p, draw.Crop(at, margin, -margin, margin, -2)); err != nil {
			return err
		}
	}
	return page.write(w)
}

// named are the lines whose names are shown: that of one alone says nothing more than the title.
func (p *Panel) named() []Line {
	if len(p.Lines) < 2 {
		return nil
	}
	return p.Lines
}

// title are the lines of the title.
func (p *Panel) title(width vg.Length) []string {
	title := p.Title
	for _, l := range p.Lines {
		if len(l.Curve.lost) > 0 {
			title = p.Title + " (× not finite)"
		}
	}
	return wrapped(written(titleLetters), title, width)
}

// head is how high title and names are.
func (p *Panel) head(width vg.Length) vg.Length {
	names := (len(p.named()) + namesBeside - 1) / namesBeside
	return vg.Length(len(p.title(width)))*titleHeight + vg.Length(names)*nameHeight
}

// wrapped are the lines of a text that is at most so wide, if its words are not wider.
func wrapped(s text.Style, words string, width vg.Length) (lines []string) {
	line := ""
	for _, word := range strings.Fields(words) {
		if longer := strings.TrimSpace(line + " " + word); line == "" || roomFor(s, longer) <= width {
			line = longer
			continue
		}
		lines, line = append(lines, line), word
	}
	return append(lines, line)
}

// panel draws a panel: its title, the names of its lines, and the plot below them.
func (c *Curves) panel(panel *Panel, at draw.Canvas) error {
	p, err := c.plot(panel)
	if err != nil {
		return err
	}
	y := at.Max.Y
	for _, line := range panel.title(at.Max.X - at.Min.X) {
		y -= titleHeight
		at.FillText(written(titleLetters), vg.Point{X: at.Min.X, Y: y + 3}, line)
	}
	for i, l := range panel.named() {
		c, dashes := hue(i)
		x := at.Min.X + vg.Length(i%namesBeside)*(at.Max.X-at.Min.X)/namesBeside
		y := y - vg.Length(i/namesBeside+1)*nameHeight + 3
		at.StrokeLine2(draw.LineStyle{Color: c, Width: vg.Points(1.8), Dashes: dashes}, x, y+4, x+12, y+4)
		at.FillText(written(letters), vg.Point{X: x + 15, Y: y}, l.Name)
	}
	p.Draw(draw.Crop(at, 0, 0, 0, -panel.head(at.Max.X-at.Min.X)-4))
	return nil
}

// written is the style of a text that begins at a point.
func written(size font.Length) text.Style {
	s := text.Style{Handler: plot.DefaultTextHandler, XAlign: text.XLeft, YAlign: text.YBottom}
	sans(&s, size)
	return s
}

// plot is the plot of a panel.
func (c *Curves) plot(panel *Panel) (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor = paper
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		sans(&axis.Tick.Label, letters)
		axis.LineStyle.Color, axis.Tick.LineStyle.Color = ink, ink
	}
	sans(&p.X.Label.TextStyle, letters)
	p.X.Label.Text = "step"
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.TickerFunc(stepTicks), plot.TickerFunc(round)
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = nil, faint
	p.Add(grid)
	low, high := panel.values()
	first, last := steps(c.Panels...)
	if c.Apart {
		first, last = steps(*panel)
	}
	switch logarithmic := panel.Log && low > 0 && high/low >= logFrom; {
	case logarithmic:
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.TickerFunc(decades)
		if math.Log10(high/low) < 2 {
			p.Y.Tick.Marker = plot.TickerFunc(withinDecades)
		}
	case low > 0 && low < 0.4*high:
		low = 0
	}
	for i, l := range panel.Lines { // bands lie below all lines
		if ring := l.Curve.band(); ring != nil {
			area, err := plotter.NewPolygon(ring)
			if err != nil {
				return nil, errors.WithStack(err)
			}
			c, _ := hue(i)
			area.Color, area.LineStyle = mix(c, paper, 0.3), draw.LineStyle{Color: mix(c, paper, 0.3), Width: 0.5}
			p.Add(area)
		}
	}
	if c.Best > 0 {
		mark, err := plotter.NewLine(plotter.XYs{{X: c.Best, Y: low}, {X: c.Best, Y: high}})
		if err != nil {
			return nil, errors.WithStack(err)
		}
		mark.Color, mark.Width, mark.Dashes = ink, vg.Points(0.8), []vg.Length{2, 3}
		p.Add(mark)
	}
	for i, l := range panel.Lines {
		if err := l.add(p, i, low); err != nil {
			return nil, err
		}
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = first, last, low, high
	return p, nil
}

// values are the least and the greatest number of a panel, with room if they are one.
func (p *Panel) values() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, l := range p.Lines {
		a, b := l.Curve.span()
		low, high = min(low, a), max(high, b)
	}
	switch room := max(math.Abs(high), 1e-9); {
	case low > high: // there is none
		return 0, 1
	case high-low < 1e-9*room:
		return min(low-room, max(low, 0)), high + room
	}
	return low, high
}

// steps are the first and the last step of panels, with room if they are one.
func steps(panels ...Panel) (first, last float64) {
	first, last = math.Inf(1), math.Inf(-1)
	for _, p := range panels {
		for _, l := range p.Lines {
			a, b := l.Curve.steps()
			first, last = min(first, a), max(last, b)
		}
	}
	if first == last {
		return first - 1, last + 1
	}
	return first, last
}

// add draws a line, with points if they are few, and crosses at the bottom where its number was not finite.
func (l *Line) add(p *plot.Plot, i int, bottom float64) error {
	c, dashes := hue(i)
	xys := l.Curve.line()
	if len(xys) > 0 {
		line, err := plotter.NewLine(xys)
		if err != nil {
			return errors.WithStack(err)
		}
		line.Color, line.Width, line.Dashes = c, vg.Points(1.3), dashes
		p.Add(line)
	}
	if len(xys) > 0 && len(xys) <= pointsShown {
		if err := point(p, xys, c); err != nil {
			return err
		}
	}
	if len(l.Curve.lost) == 0 {
		return nil
	}
	lost := make(plotter.XYs, len(l.Curve.lost))
	for i, step := range l.Curve.lost {
		lost[i] = plotter.XY{X: step, Y: bottom}
	}
	s, err := plotter.NewScatter(lost)
	if err != nil {
		return errors.WithStack(err)
	}
	s.GlyphStyle = draw.GlyphStyle{Color: c, Radius: vg.Points(3), Shape: draw.CrossGlyph{}}
	p.Add(s)
	return nil
}

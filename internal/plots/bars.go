package plots

import (
	"io"

	"github.com/pkg/errors"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Bars is a picture of numbers as bars, in groups below each other. The bars of a group are of one scale.
type Bars struct {
	Title  string
	Groups []BarGroup
}

// BarGroup are bars with a title.
type BarGroup struct {
	Title string
	Bars  []Bar
}

// Bar is a number, at least 0, with its name and what is written beside it.
type Bar struct {
	Name, Text string
	Value      float64
}

const (
	barsName  = 2.4 * vg.Inch
	barsText  = 1.45 * vg.Inch
	barHeight = 0.2 * vg.Inch
)

// clipped is a text without what is too much for a width.
func clipped(s text.Style, words string, width vg.Length) string {
	if roomFor(s, words) <= width {
		return words
	}
	letters := []rune(words)
	for len(letters) > 0 && roomFor(s, string(letters)+"…") > width {
		letters = letters[:len(letters)-1]
	}
	return string(letters) + "…"
}

// Write draws the picture as SVG or PNG.
func (b *Bars) Write(w io.Writer, format string) error {
	rows := vg.Length(1)
	for _, g := range b.Groups {
		rows += 2 + vg.Length(len(g.Bars))
		for _, x := range g.Bars {
			if !(x.Value >= 0) || x.Value > tooLarge {
				return errors.Errorf("a bar of %g: it must be a number, at least 0", x.Value)
			}
		}
	}
	page, err := newPage(pageWidth, rows*barHeight+24, format)
	if err != nil {
		return err
	}
	const margin = 10
	y := page.Max.Y - margin - 12
	page.FillText(written(headLetters), vg.Point{X: margin, Y: y}, b.Title)
	for _, g := range b.Groups {
		y -= 2 * barHeight
		page.FillText(written(titleLetters), vg.Point{X: margin, Y: y}, g.Title)
		most := 0.0
		for _, x := range g.Bars {
			most = max(most, x.Value)
		}
		for _, x := range g.Bars {
			y -= barHeight
			page.FillText(written(letters), vg.Point{X: margin + 8, Y: y + 2}, clipped(written(letters), x.Name, barsName-margin-14))
			length := vg.Length(0)
			if most > 0 {
				length = vg.Length(x.Value/most) * (pageWidth - barsName - barsText)
			}
			at := vg.Rectangle{Min: vg.Point{X: barsName, Y: y}, Max: vg.Point{X: barsName + length, Y: y + barHeight - 4}}
			page.FillPolygon(blue, []vg.Point{at.Min, {X: at.Max.X, Y: at.Min.Y}, at.Max, {X: at.Min.X, Y: at.Max.Y}})
			page.StrokeLine2(draw.LineStyle{Color: ink, Width: 0.5}, barsName, y-1, barsName, y+barHeight-3)
			page.FillText(written(letters), vg.Point{X: at.Max.X + 5, Y: y + 2}, x.Text)
		}
	}
	return page.write(w)
}

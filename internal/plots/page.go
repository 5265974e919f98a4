package plots

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"math"
	"regexp"
	"slices"

	"github.com/pkg/errors"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The formats of pictures.
const (
	SVG = "svg"
	PNG = "png"
)

// Formats are all of them.
var Formats = []string{SVG, PNG}

// dpi is how fine PNG is.
const dpi = 144

// A page is so wide that a phone, which shows it on 390 pixels, leaves the letters large enough to read.
const (
	pageWidth = 5.6 * vg.Inch

	headLetters  = 12 // of the title of a page
	titleLetters = 10.5
	letters      = 9.5
)

var (
	paper  = color.RGBA{R: 250, G: 250, B: 247, A: 255}
	ink    = color.RGBA{R: 58, G: 58, B: 58, A: 255}
	faint  = color.RGBA{R: 222, G: 222, B: 217, A: 255}
	blue   = color.RGBA{R: 0, G: 98, B: 165, A: 255}
	orange = color.RGBA{R: 213, G: 94, B: 0, A: 255}
)

// page is a picture that is drawn.
type page struct {
	draw.Canvas // the paper
	format      string
	to          interface {
		vg.CanvasSizer
		io.WriterTo
	}
}

// newPage is an empty paper.
func newPage(width, height vg.Length, format string) (*page, error) {
	p := &page{format: format}
	switch format {
	case SVG:
		p.to = vgsvg.New(width, height)
	case PNG:
		p.to = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi))}
	default:
		return nil, errors.Errorf("a picture cannot be %q: it must be %s or %s", format, SVG, PNG)
	}
	p.Canvas = draw.New(p.to)
	p.SetColor(paper)
	p.Fill(p.Rectangle.Path())
	return p, nil
}

// write writes the picture.
func (p *page) write(w io.Writer) error {
	if p.format != SVG {
		_, err := p.to.WriteTo(w)
		return errors.WithStack(err)
	}
	var b bytes.Buffer
	if _, err := p.to.WriteTo(&b); err != nil {
		return errors.WithStack(err)
	}
	_, err := w.Write(inTheDark(b.Bytes()))
	return errors.WithStack(err)
}

var (
	aColor  = regexp.MustCompile(`#[0-9A-F]{6}`)
	opening = regexp.MustCompile(`<svg[^>]*>`)
)

// inTheDark gives an SVG a second set of colours, which viewers take that prefer dark pages.
func inTheDark(svg []byte) []byte {
	seen := map[string]bool{}
	rules := []byte("\n<style>@media (prefers-color-scheme: dark) {\n")
	for _, c := range aColor.FindAllString(string(svg), -1) {
		if seen[c] {
			continue
		}
		seen[c] = true
		var light color.RGBA
		fmt.Sscanf(c, "#%02X%02X%02X", &light.R, &light.G, &light.B)
		dark := darkened(light)
		for _, what := range []string{"fill", "stroke"} {
			rules = fmt.Appendf(rules, "[style*=\"%s:%s\"] {%s: #%02X%02X%02X !important}\n",
				what, c, what, dark.R, dark.G, dark.B)
		}
	}
	rules = append(rules, "}</style>"...)
	end := opening.FindIndex(svg)
	if end == nil {
		return svg
	}
	return slices.Concat(svg[:end[1]], rules, svg[end[1]:])
}

// darkened is the colour of the same hue that is as far from black as this one is from white, or nearly.
func darkened(c color.RGBA) color.RGBA {
	r, g, b := float64(c.R)/255, float64(c.G)/255, float64(c.B)/255
	high, low := max(r, g, b), min(r, g, b)
	lightness := 1.02 - 0.93*(high+low)/2
	chroma := min(high-low, 1-math.Abs(2*lightness-1)) // the most that there is at this lightness
	channel := func(x float64) uint8 {
		part := 0.5
		if high > low {
			part = (x - low) / (high - low)
		}
		return uint8(math.Round(255 * (lightness + chroma*(part-0.5))))
	}
	return color.RGBA{R: channel(r), G: channel(g), B: channel(b), A: 255}
}

// sans is how texts of a size are written.
func sans(s *text.Style, size font.Length) {
	s.Font, s.Color = font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}, ink
}

// roomFor is how wide a text may be: viewers without the fonts that it is measured with take others, up to a sixth wider.
func roomFor(s text.Style, words string) vg.Length { return 7 * s.Width(words) / 6 }

// mix is a colour on a background, of which it leaves the rest.
func mix(c, background color.RGBA, part float64) color.Color {
	m := func(a, b uint8) uint8 { return uint8(math.Round(part*float64(a) + (1-part)*float64(b))) }
	return color.RGBA{R: m(c.R, background.R), G: m(c.G, background.G), B: m(c.B, background.B), A: 255}
}

package lessons_test

import (
	"encoding/json"
	"fmt"
	"html"
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Colours: dark enough for letters on white. Every picture has a white ground of its own, so that it is legible
// on any page.
const (
	ink     = "#1f2328"
	grey    = "#59636e"
	faint   = "#d1d9e0"
	inputs  = "#9a3c00"
	hidden  = "#0550ae"
	written = "#116329"
	falling = "#a40e26"
	purple  = "#6639ba"
)

// tints are light grounds for the colours of nodes.
var tints = map[string]string{inputs: "#fff1e5", hidden: "#ddf4ff", written: "#dafbe1", falling: "#ffebe9",
	purple: "#fbefff", grey: "#f6f8fa"}

// svg is a picture that is being drawn.
type svg struct {
	strings.Builder
	title string
}

// newSVG begins a picture of a size in pixels; title is for readers that do not see it.
func newSVG(width, height int, title string) *svg {
	s := &svg{title: title}
	s.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="Helvetica, Arial, sans-serif" font-size="14" fill="%s">`,
		width, height, width, height, ink)
	s.add(`<title>%s</title>`, html.EscapeString(title))
	s.add(`<rect x="0.5" y="0.5" width="%d" height="%d" rx="8" fill="#ffffff" stroke="%s"/>`, width-1, height-1, faint)
	return s
}

// add writes a line.
func (s *svg) add(format string, args ...any) { fmt.Fprintf(s, format+"\n", args...) }

// place is where text stands: its middle, beginning or end at x, its base line at y.
type place struct {
	x, y   float64
	anchor string // "", start or end
	colour string
	size   int
	bold   bool
}

func (p place) attributes() string {
	a := fmt.Sprintf(`x="%s" y="%s"`, num(p.x), num(p.y))
	if p.anchor == "" {
		p.anchor = "middle"
	}
	a += fmt.Sprintf(` text-anchor="%s"`, p.anchor)
	if p.colour != "" {
		a += fmt.Sprintf(` fill="%s"`, p.colour)
	}
	if p.size != 0 {
		a += fmt.Sprintf(` font-size="%d"`, p.size)
	}
	if p.bold {
		a += ` font-weight="bold"`
	}
	return a
}

// text is words; the index of T_1 and T_{t-1} is lowered.
func (s *svg) text(p place, words string) {
	s.add(`<text %s>%s</text>`, p.attributes(), indexed(p, words))
}

// code is text in letters of one width.
func (s *svg) code(p place, words string) {
	s.add(`<text %s font-family="ui-monospace, Menlo, Consolas, monospace" xml:space="preserve">%s</text>`,
		p.attributes(), html.EscapeString(words))
}

// math is a formula.
func (s *svg) math(p place, formula string) {
	if p.size == 0 {
		p.size = 17
	}
	s.add(`<text %s font-family="Georgia, 'Times New Roman', serif" font-style="italic">%s</text>`, p.attributes(),
		indexed(p, formula))
}

var index = regexp.MustCompile(`_(\w+|\{[^}]*\})`)

func indexed(p place, words string) string {
	size := p.size
	if size == 0 {
		size = 14
	}
	return index.ReplaceAllStringFunc(html.EscapeString(words), func(m string) string {
		return fmt.Sprintf(`<tspan dy="4" font-size="%d">%s</tspan><tspan dy="-4">&#8203;</tspan>`, size*7/10,
			strings.Trim(m[1:], "{}"))
	})
}

// box is a node of a network with a formula in it, its centre at x, y.
func (s *svg) box(x, y, width, height float64, colour, formula string) {
	s.add(`<rect x="%s" y="%s" width="%s" height="%s" rx="6" fill="%s" stroke="%s" stroke-width="1.5"/>`,
		num(x-width/2), num(y-height/2), num(width), num(height), tints[colour], colour)
	if formula != "" {
		s.math(place{x: x, y: y + 5, colour: colour}, formula)
	}
}

// line goes through points x, y, x, y, ...
func (s *svg) line(colour string, width float64, points ...float64) {
	s.add(`<polyline points="%s" fill="none" stroke="%s" stroke-width="%s" stroke-linejoin="round"/>`, join(points),
		colour, num(width))
}

// arrow is a straight arrow.
func (s *svg) arrow(colour string, x1, y1, x2, y2 float64) { s.arrowWide(colour, 1.5, x1, y1, x2, y2) }

func (s *svg) arrowWide(colour string, width, x1, y1, x2, y2 float64) {
	length := math.Hypot(x2-x1, y2-y1)
	dx, dy := (x2-x1)/length, (y2-y1)/length
	head := 5 + 2*width
	bx, by := x2-head*dx, y2-head*dy
	s.line(colour, width, x1, y1, bx+dx, by+dy)
	half := head * 0.45
	s.add(`<polygon points="%s" fill="%s"/>`,
		join([]float64{x2, y2, bx - half*dy, by + half*dx, bx + half*dy, by - half*dx}), colour)
}

// end closes the picture.
func (s *svg) end() string {
	s.add(`</svg>`)
	return s.String()
}

func join(xs []float64) string {
	all := make([]string, len(xs))
	for i, x := range xs {
		all[i] = num(x)
	}
	return strings.Join(all, ",")
}

// num is a coordinate to a tenth of a pixel.
func num(x float64) string { return strconv.FormatFloat(math.Round(x*10)/10+0, 'f', -1, 64) }

// chart is a plane with axes: x and y are from 0 to 1 in the plane.
type chart struct {
	*svg
	left, top, width, height float64
}

// axes draws the plane's frame and names the axes.
func (c *chart) axes(x, y string) {
	c.line(grey, 1, c.left, c.top, c.left, c.top+c.height, c.left+c.width, c.top+c.height)
	c.text(place{x: c.left + c.width/2, y: c.top + c.height + 40, colour: grey}, x)
	c.text(place{x: c.left - 44, y: c.top - 16, anchor: "start", colour: grey}, y)
}

func (c *chart) tickX(at float64, label string) {
	x := c.left + at*c.width
	c.line(grey, 1, x, c.top+c.height, x, c.top+c.height+5)
	c.text(place{x: x, y: c.top + c.height + 20, size: 12, colour: grey}, label)
}

func (c *chart) tickY(at float64, formula string) {
	y := c.top + (1-at)*c.height
	c.line(faint, 1, c.left, y, c.left+c.width, y)
	c.math(place{x: c.left - 8, y: y + 4, anchor: "end", size: 12, colour: grey}, formula)
}

// curve draws points of the plane.
func (c *chart) curve(colour string, points ...float64) {
	at := make([]float64, len(points))
	for i := 0; i < len(points); i += 2 {
		at[i], at[i+1] = c.left+points[i]*c.width, c.top+(1-points[i+1])*c.height
	}
	c.line(colour, 2, at...)
}

// picture compares a picture with its file, or writes it.
func picture(t *testing.T, name, drawn string) {
	t.Helper()
	path := filepath.Join("pictures", name+".svg")
	if *update {
		write(t, path, drawn)
	} else if read(t, path) != drawn {
		t.Errorf("%s is not what the test draws; run with -update and look at it", path)
	}
}

// recorded are the numbers of testdata/NAME.json, from which a picture is drawn: numbers that were computed
// differ from them by at most tolerance. So a picture is the same on every processor, while sums differ in the
// last bits.
func recorded(t *testing.T, name string, tolerance float64, computed [][]float64) [][]float64 {
	t.Helper()
	path := filepath.Join("testdata", name+".json")
	if *update {
		for _, row := range computed {
			for i := range row {
				row[i] = math.Round(row[i]*1e4) / 1e4
			}
		}
		b, err := json.Marshal(computed)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, string(b)+"\n")
	}
	var kept [][]float64
	if err := json.Unmarshal([]byte(read(t, path)), &kept); err != nil {
		t.Fatal(err)
	}
	if len(kept) != len(computed) {
		t.Fatalf("%s has %d rows, not %d; run with -update", path, len(kept), len(computed))
	}
	for i, row := range kept {
		if len(row) != len(computed[i]) {
			t.Fatalf("%s: row %d has %d numbers, not %d; run with -update", path, i, len(row), len(computed[i]))
		}
		for j, x := range row {
			if !(math.Abs(x-computed[i][j]) <= tolerance) {
				t.Errorf("%s: row %d, element %d is %g, computed %g", path, i, j, x, computed[i][j])
			}
		}
	}
	return kept
}

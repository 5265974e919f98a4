package inspect

import (
	_ "embed"
	"html/template"
	"io"
	"math"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/words"
)

//go:embed diagram.svg
var svgText string

var svgTemplate = template.Must(template.New("diagram").Parse(svgText))

// The measures of a picture, in pixels. It is so narrow that its letters can be read on a phone, which shows it on 390.
const (
	boxWidth    = 400
	codeColumns = 58 // letters of an instruction that fit into a box
	lineHeight  = 15
	arcRoom     = 80
	margin      = 14
	gap         = 12
	right       = margin + boxWidth
)

// picture is a diagram whose parts have their places.
type picture struct {
	Title         string
	Full          bool
	Width, Height int
	Boxes         []placedBox
	Arcs          []arc
}

type placedBox struct {
	Number, Top, Height int
	Title, Cost         string
	Loop                bool
	Lines               []string
	From                []int // the numbers of other boxes
}

// arc is a line from a box to one below it.
type arc struct{ From, Bend, To int }

// The measures that are the same in all pictures.
func (picture) Left() int       { return margin }
func (picture) Right() int      { return right }
func (picture) BoxWidth() int   { return boxWidth }
func (picture) LineHeight() int { return lineHeight }

// SVG writes the diagram as a picture, for light pages and dark ones.
func (d *Diagram) SVG(w io.Writer) error {
	return errors.WithStack(svgTemplate.Execute(w, d.place()))
}

// place puts boxes one below the other, and arcs beside them.
func (d *Diagram) place() picture {
	p := picture{Title: d.title, Full: d.full, Width: right + arcRoom + margin}
	y := margin + 24
	for i, b := range d.boxes {
		x := placedBox{Number: i + 1, Top: y, Cost: b.cost, Loop: b.loop, Lines: b.lines}
		x.Title = words.Clip(b.title, boxWidth/8-len(b.cost))
		if d.full {
			x.Lines = wrapped(b.lines)
		}
		for k, from := range b.from {
			x.From = append(x.From, from+1)
			above, far := p.Boxes[from], math.Sqrt(float64(i-from)/float64(len(d.boxes)-1))
			p.Arcs = append(p.Arcs, arc{
				From: above.Top + above.Height - 10, Bend: right + 14 + int((arcRoom-24)*far), To: y + 10 + 4*min(k, 4),
			})
		}
		x.Height = lineHeight*(1+len(x.Lines)) + 12
		if d.full && len(x.From) > 0 {
			x.Height += lineHeight
		}
		p.Boxes = append(p.Boxes, x)
		y += x.Height + gap
	}
	p.Height = y + margin
	return p
}

// wrapped are instructions as lines that fit into a box: as many of their statements on each as there is room for.
func wrapped(code []string) []string {
	apart := strings.ReplaceAll(strings.Join(code, "\n"), "; ", ";  ") // Wrap breaks lines at two blanks first
	return strings.Split(words.Wrap(apart, codeColumns), "\n")
}

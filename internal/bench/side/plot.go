package side

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"

	"github.com/unroll-ml/unroll/internal/words"
)

// The measures of a plot, in pixels.
const (
	plotLeft  = 366 // of the bars
	plotRight = 250 // for what is written after them
	plotBars  = 480
	barHeight = 13
	rowGap    = 9
	plotHead  = 30 // from the legend to the bars
)

const plotStyle = `
  text { font: 13px system-ui, sans-serif; fill: #1a1a1a }
  .title { font-size: 18px; font-weight: 600 }
  .note, .axis { fill: #5c5c5c; font-size: 12px }
  .value { font-size: 11px; fill: #3d3d3d; stroke: #ffffff; stroke-width: 3px; stroke-linejoin: round; paint-order: stroke }
  .page { fill: #ffffff }
  .grid { stroke: #dedede }
  .side0 { fill: #c2661a }
  .side1 { fill: #2f6fb5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #ececec }
    .note, .axis { fill: #a8a8a8 }
    .value { fill: #cfcfcf; stroke: #16181c }
    .page { fill: #16181c }
    .grid { stroke: #3a3d44 }
    .side0 { fill: #e8934a }
    .side1 { fill: #6ea8e6 }
  }
`

// Plot draws results as an SVG: for each of them a bar for each side, as long as the part of the side's ceiling
// that it reaches. What is longer than the axis ends there; its number says by how much.
func Plot(w io.Writer, title string, sides []*Side, results []Result) error {
	var b strings.Builder
	rowHeight := len(sides)*barHeight + rowGap
	top := 34 + 16*len(sides) + plotHead
	width, height := plotLeft+plotBars+plotRight, top+len(results)*rowHeight+40
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`+"\n<style>%s</style>\n", width, height, width, height, html.EscapeString(title), plotStyle)
	fmt.Fprintf(&b, `<rect class="page" width="%d" height="%d"/>`+"\n", width, height)
	text := func(class, anchor string, x, y int, s string) {
		fmt.Fprintf(&b, `<text class="%s" text-anchor="%s" x="%d" y="%d">%s</text>`+"\n", class, anchor, x, y,
			html.EscapeString(s))
	}
	text("title", "start", 20, 30, title)
	for i, s := range sides {
		y := 50 + 16*i
		fmt.Fprintf(&b, `<rect class="side%d" x="20" y="%d" width="11" height="11" rx="2"/>`+"\n", i, y-10)
		text("note", "start", 38, y, fmt.Sprintf("%s, %s. 100%%: copies %s, products %s", s.Name(), s.What,
			bytesPerSecond(s.Copy), flopPerSecond(s.Product)))
	}
	if len(sides) > 1 {
		text("axis", "end", width-16, top-8, "speed-up")
	}
	bottom := height - 28
	for k := 0; k <= 4; k++ {
		x := plotLeft + k*plotBars/4
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%d" y2="%d"/>`+"\n", x, x, top-4, bottom)
		text("axis", "middle", x, bottom+16, fmt.Sprintf("%d%%", 25*k))
	}
	for i, r := range results {
		y := top + i*rowHeight
		label := r.Kind + ": " + r.Name
		if r.Bench == "models" {
			label = r.Name
		}
		text("", "end", plotLeft-10, y+len(sides)*barHeight/2+5, words.Clip(label, 50))
		for j, x := range r.Times {
			n := int(math.Round(plotBars * min(1, x.Ceiling)))
			at := y + j*barHeight
			fmt.Fprintf(&b, `<rect class="side%d" x="%d" y="%d" width="%d" height="%d"/>`+"\n", j, plotLeft, at+1, max(n, 1),
				barHeight-2)
			value := seconds(x.Median) + ", " + x.rate()
			if x.Ceiling > 1 {
				value += ", " + percent(x.Ceiling)
			}
			text("value", "start", plotLeft+n+6, at+barHeight-3, value)
		}
		if r.Speedup > 0 {
			text("", "end", width-16, y+len(sides)*barHeight/2+5, fmt.Sprintf("%s×", digits(r.Speedup)))
		}
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

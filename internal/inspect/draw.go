package inspect

import (
	"fmt"
	"html"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/words"
)

// round3 is a number with three digits.
func round3(x float64) float64 {
	if x == 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(x)))-2)
	return math.Round(x/unit) * unit
}

// box is what a diagram shows as one: a title and lines below it.
type box struct {
	title, right string
	lines        []string
	from         []int // boxes before it
	loop         bool
}

// Diagram is a list of boxes, one below the other, with arcs from where their data come.
type Diagram struct {
	title string
	boxes []box
}

// Draw makes a diagram of sections: folded or, if all is true, with a line for each item.
func Draw(title string, sections []Section, all bool) *Diagram {
	d := &Diagram{title: title}
	for _, s := range sections {
		b := box{title: s.Title, right: s.Cost.words(), from: s.From, loop: s.Items[0].Loop}
		if !all {
			b.lines = []string{s.kinds(5)}
		} else {
			b.lines = listed(s.Items, "")
		}
		d.boxes = append(d.boxes, b)
	}
	return d
}

// Buffers adds a list of the buffers of a tape that have a name.
func (d *Diagram) Buffers(t *tape.Tape) {
	b := box{title: "buffers of inputs, states and outputs"}
	for _, s := range t.Slots {
		b.lines = append(b.lines, fmt.Sprintf("b%d  %v  %s  %v%v", s.Buf, s.Kind, s.Name, t.Buffers[s.Buf].Dtype, s.Shape))
	}
	d.boxes = append(d.boxes, b)
}

// listed is a line for each item, those of loops indented.
func listed(items []Item, indent string) (lines []string) {
	for _, x := range items {
		lines = append(lines, words.Clip(indent+x.Text, 110))
		lines = append(lines, listed(x.Body, indent+"  ")...)
	}
	return lines
}

// The measures of a diagram, in pixels.
const (
	boxWidth   = 400
	wideWidth  = 900
	lineHeight = 15
	arcRoom    = 80
	margin     = 14
	gap        = 12
)

const style = `<style>
svg{background:#fafaf7} text{font:12px sans-serif;fill:#3a3a3a} .t{font-weight:bold} .h{font-size:14px}
.m{font-family:monospace;font-size:11px} .r{text-anchor:end} rect{fill:#fff;stroke:#8a8a86} .l{fill:#e3eef6;stroke:#0062a5}
path{fill:none;stroke:#0062a5;stroke-opacity:.55} .d{fill:#0062a5}
@media (prefers-color-scheme:dark){svg{background:#1c1c19} text{fill:#d6d6d2} rect{fill:#26262a;stroke:#77776f}
.l{fill:#123247;stroke:#70c5ff} path{stroke:#70c5ff} .d{fill:#70c5ff}}
</style>
`

// SVG writes the diagram as a picture, for light pages and dark ones.
func (d *Diagram) SVG(w io.Writer) error {
	wide, mono := boxWidth, ""
	for _, b := range d.boxes {
		if len(b.lines) > 1 {
			wide, mono = wideWidth, ` class="m"`
		}
	}
	var b strings.Builder
	y := margin + 24
	tops, bottoms := make([]int, len(d.boxes)), make([]int, len(d.boxes))
	var shapes strings.Builder
	for i, x := range d.boxes {
		tops[i] = y
		high := lineHeight*(len(x.lines)+1) + 12
		class := ""
		if x.loop {
			class = ` class="l"`
		}
		fmt.Fprintf(&shapes, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\"%s/>\n", margin, y, wide, high, class)
		fmt.Fprintf(&shapes, "<text class=\"t\" x=\"%d\" y=\"%d\">%s</text>\n", margin+8, y+16,
			html.EscapeString(words.Clip(x.title, wide/8-len(x.right))))
		fmt.Fprintf(&shapes, "<text class=\"r\" x=\"%d\" y=\"%d\">%s</text>\n", margin+wide-8, y+16, html.EscapeString(x.right))
		for k, line := range x.lines {
			fmt.Fprintf(&shapes, "<text%s x=\"%d\" y=\"%d\" xml:space=\"preserve\">%s</text>\n", mono, margin+8,
				y+16+lineHeight*(k+1), html.EscapeString(line))
		}
		y += high
		bottoms[i] = y
		y += gap
	}
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %[1]d %[2]d\">\n%s",
		2*margin+wide+arcRoom, y+margin, style)
	fmt.Fprintf(&b, "<rect x=\"0\" y=\"0\" width=\"100%%\" height=\"100%%\" style=\"fill:none;stroke:none\"/>\n")
	fmt.Fprintf(&b, "<text class=\"t h\" x=\"%d\" y=\"%d\">%s</text>\n", margin, margin+8, html.EscapeString(d.title))
	b.WriteString(shapes.String())
	for i, x := range d.boxes {
		for k, from := range x.from {
			d.arc(&b, margin+wide, bottoms[from]-10, tops[i]+10+4*min(k, 4), i-from)
		}
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// arc is a line from a box to one that is so many boxes after it.
func (d *Diagram) arc(b *strings.Builder, x, from, to, distance int) {
	out := 14 + (arcRoom-24)*math.Sqrt(float64(distance)/float64(max(len(d.boxes)-1, 1)))
	fmt.Fprintf(b, "<path d=\"M%d,%d C%.0f,%d %.0f,%d %d,%d\"/><circle class=\"d\" cx=\"%[1]d\" cy=\"%[8]d\" r=\"2.5\"/>\n",
		x, from, float64(x)+out, from, float64(x)+out, to, x, to)
}

// Dot writes the diagram for Graphviz.
func (d *Diagram) Dot(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph step {\n  label=%s; node [shape=box, fontname=sans, fontsize=10];\n", strconv.Quote(d.title))
	for i, x := range d.boxes {
		text := strings.Join(append([]string{x.title, x.right}, x.lines...), "\n")
		fill := ""
		if x.loop {
			fill = ", style=filled, fillcolor=\"#e3eef6\""
		}
		fmt.Fprintf(&b, "  s%d [label=%s%s];\n", i, strings.ReplaceAll(strconv.Quote(text), `\n`, `\l`), fill)
		for _, from := range x.from {
			fmt.Fprintf(&b, "  s%d -> s%d;\n", from, i)
		}
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// Text writes the diagram as lines.
func (d *Diagram) Text(w io.Writer, width int) error {
	var b strings.Builder
	fmt.Fprintln(&b, d.title)
	for _, x := range d.boxes {
		room := max(width-len([]rune(x.right))-2, 10)
		fmt.Fprintf(&b, "\n%-*s  %s\n", room, words.Clip(x.title, room), x.right)
		for _, line := range x.lines {
			fmt.Fprintf(&b, "   %s\n", words.Clip(line, width-3))
		}
		if len(x.from) > 0 {
			from := make([]string, len(x.from))
			for i, f := range x.from {
				from[i] = strconv.Itoa(f + 1)
			}
			fmt.Fprintf(&b, "   reads from %s\n", strings.Join(from, ", "))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// DotOf writes items for Graphviz, each a node, loops as frames around theirs.
func DotOf(w io.Writer, title string, items []Item) error {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph step {\n  label=%s; compound=true; node [shape=box, fontname=monospace, fontsize=9];\n",
		strconv.Quote(title))
	dotItems(&b, items, "n", "  ")
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// dotItems writes nodes whose names begin with prefix. An arrow to or from a loop is one to or from its first item.
func dotItems(b *strings.Builder, items []Item, prefix, indent string) {
	name := func(i int) string {
		n := prefix + strconv.Itoa(i)
		for x := &items[i]; len(x.Body) > 0; x = &x.Body[0] {
			n += "_0"
		}
		return n
	}
	for i, x := range items {
		if len(x.Body) == 0 {
			text := words.Clip(x.Text, 60) + "\n" + x.Cost.words()
			fmt.Fprintf(b, "%s%s [label=%s];\n", indent, name(i), strconv.Quote(text))
			continue
		}
		fmt.Fprintf(b, "%ssubgraph cluster_%s%d {\n%s  label=%s;\n", indent, prefix, i, indent, strconv.Quote(x.Text))
		dotItems(b, x.Body, prefix+strconv.Itoa(i)+"_", indent+"  ")
		fmt.Fprintf(b, "%s}\n", indent)
	}
	for i, x := range items {
		for _, from := range x.Needs {
			fmt.Fprintf(b, "%s%s -> %s;\n", indent, name(from), name(i))
		}
	}
}

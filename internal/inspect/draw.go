package inspect

import (
	"fmt"
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
	title, cost string
	lines       []string
	from        []int // boxes before it
	loop        bool
}

// Diagram is a list of boxes, one below the other, with arcs from where their data come.
type Diagram struct {
	title string
	boxes []box
	full  bool // the lines of boxes are instructions
}

// Draw makes a diagram of sections: folded or, if full is true, with a line for each item.
func Draw(title string, sections []Section, full bool) *Diagram {
	d := &Diagram{title: title, full: full}
	for _, s := range sections {
		b := box{title: s.Title, cost: s.Cost.words(), from: s.From, loop: s.Items[0].Loop}
		switch {
		case !full:
			b.lines = []string{s.kinds(5)}
		case s.Items[0].Body != nil: // of a loop; the title says the rest
			b.lines = listed(s.Items[0].Body, "")
		default:
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
		lines = append(lines, indent+x.Text)
		lines = append(lines, listed(x.Body, indent+"  ")...)
	}
	return lines
}

// Dot writes the diagram for Graphviz.
func (d *Diagram) Dot(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph step {\n  label=%s; node [shape=box, fontname=sans, fontsize=10];\n", strconv.Quote(d.title))
	for i, x := range d.boxes {
		text := strings.Join(append([]string{x.title, x.cost}, x.lines...), "\n")
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
		room := max(width-words.Width(x.cost)-2, 10)
		fmt.Fprintf(&b, "\n%s  %s\n", words.Pad(words.Clip(x.title, room), room), x.cost)
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

package words

import "strings"

// Wrap breaks lines that take more than width columns: between their parts, which have two blanks or more between
// them, and between words where a part alone is too long. What goes on is indented; where the line is a short label and
// a text, the text stays in its column. A width of 0 breaks nothing.
func Wrap(text string, width int) string {
	if width < 1 {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if Width(line) > width {
			lines[i] = wrapLine(line, width)
		}
	}
	return strings.Join(lines, "\n")
}

func wrapLine(line string, width int) string {
	body := strings.TrimLeft(line, " ")
	w := wrapper{width: width, hang: len(line) - len(body) + 2}
	w.put(line[:len(line)-len(body)])
	parts := split(body)
	for i, part := range parts {
		label := len(parts) == 2 && i == 1 && w.column+part.blanks <= width/3
		switch n := Width(part.text); {
		case i == 0:
		case label:
			w.put(strings.Repeat(" ", part.blanks))
			w.hang = w.column
		case w.column+part.blanks+n > width:
			w.newLine()
		default:
			w.put(strings.Repeat(" ", part.blanks))
		}
		w.fill(part.text)
	}
	return w.String()
}

// part is what stands in a line after so many blanks.
type part struct {
	blanks int
	text   string
}

// split divides a line where it has two blanks or more.
func split(line string) (parts []part) {
	blanks := 0
	for {
		i := strings.Index(line, "  ")
		if i < 0 {
			return append(parts, part{blanks, line})
		}
		parts = append(parts, part{blanks, line[:i]})
		rest := strings.TrimLeft(line[i:], " ")
		blanks, line = len(line)-i-len(rest), rest
	}
}

// wrapper writes a line as several.
type wrapper struct {
	strings.Builder
	width, column int
	hang          int // where the lines after the first begin
}

func (w *wrapper) put(s string) {
	w.WriteString(s)
	w.column += Width(s)
}

func (w *wrapper) newLine() {
	w.WriteByte('\n')
	w.column = 0
	w.put(strings.Repeat(" ", w.hang))
}

// fill writes words with a blank between them.
func (w *wrapper) fill(text string) {
	for i, word := range strings.Split(text, " ") {
		switch {
		case i == 0:
		case w.column+1+Width(word) > w.width:
			w.newLine()
		default:
			w.put(" ")
		}
		w.put(word)
	}
}

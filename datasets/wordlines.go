package datasets

import (
	"fmt"
	"strings"
)

// wordLines reads a word a line. What follows a tab is no part of it.
type wordLines struct{ blanks, tabs int }

func (w *wordLines) wanted() string {
	return "a word a line is wanted, and an empty line after each sentence"
}

func (w *wordLines) columns() []string { return nil }

func (w *wordLines) alone(string) bool { return false }

func (w *wordLines) notes(name string) (notes []string) {
	if w.tabs > 0 {
		notes = append(notes, fmt.Sprintf("%s: lines with tabs, of which the part before is the word: %d", name, w.tabs))
	}
	if w.blanks > 0 {
		notes = append(notes, fmt.Sprintf("%s: lines with blanks, each of which was read as one word: %d", name, w.blanks))
	}
	return notes
}

func (w *wordLines) parse(lines []heldLine, _ bool) (*Sentence, *Error) {
	s := &Sentence{fill: func(line, tag string) string { return strings.TrimFunc(line, isBlank) + "\t" + tag }}
	for i, line := range lines {
		word, _, tab := strings.Cut(strings.TrimFunc(line.text, isBlank), "\t")
		if tab {
			w.tabs++
		}
		if word = strings.TrimFunc(word, isBlank); strings.ContainsFunc(word, isBlank) {
			w.blanks++
		}
		s.Words, s.rows = append(s.Words, word), append(s.rows, i)
	}
	return s, nil
}

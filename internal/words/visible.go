package words

import (
	"fmt"
	"strings"
	"unicode"
)

// obeyed says whether a character is one that a terminal obeys instead of showing it: a control character, or
// one that turns the direction of the text after it. Line breaks and tabs are none.
func obeyed(r rune) bool {
	turns := '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069'
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || turns)
}

// Visible is a text with all that a terminal would obey written as \u and four digits, as JSON has it.
func Visible(s string) string {
	if !strings.ContainsFunc(s, obeyed) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if obeyed(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// OneLine is a message without line breaks, and without anything that a terminal would obey: it may name files
// and labels of others.
func OneLine(message string) string {
	lines := strings.FieldsFunc(message, func(r rune) bool { return r == '\n' || r == '\r' })
	return Visible(strings.Join(lines, "; "))
}

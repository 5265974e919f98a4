package words

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// commands says whether a character is one that a terminal obeys instead of showing it: a control character, or
// one that turns the direction of the text after it. Line breaks and tabs are none.
func commands(r rune) bool {
	turns := '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069'
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || turns)
}

// Visible is a text with all that a terminal would obey written as \u and four digits, as JSON has it.
func Visible(s string) string {
	if !strings.ContainsFunc(s, commands) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if commands(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Visibly writes texts to a terminal, which should show what others wrote and not obey it.
func Visibly(to io.Writer) io.Writer { return visibly{to} }

type visibly struct{ to io.Writer }

func (v visibly) Write(p []byte) (int, error) {
	_, err := io.WriteString(v.to, Visible(string(p)))
	return len(p), err
}

// OneLine is a message without line breaks, and without anything that a terminal would obey: it may name files
// and labels of others.
func OneLine(message string) string {
	lines := strings.FieldsFunc(message, func(r rune) bool { return r == '\n' || r == '\r' })
	return Visible(strings.Join(lines, "; "))
}

package cmdline

import (
	"strings"

	"github.com/unroll-ml/unroll/internal/words"
)

// Fold breaks a command line that begins in a column and is longer than width columns, between words, so that a shell still
// reads one command. A width of 0 breaks nothing.
func Fold(command string, column, width int) string {
	if width < 1 || column+words.Width(command) <= width {
		return command
	}
	const more = " \\"
	at, indent := column, strings.Repeat(" ", column+4)
	var b strings.Builder
	for i, word := range shellWords(command) {
		n := words.Width(word)
		switch {
		case i == 0:
		case at+1+n+len(more) > width:
			b.WriteString(more + "\n" + indent)
			at = len(indent)
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}

// shellWords are the words of a command line as they stand in it, quotes included.
func shellWords(command string) []string {
	quoted := false
	return strings.FieldsFunc(command, func(r rune) bool {
		if r == '\'' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
}

package words

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Width is how many columns of a terminal a text takes: two for the letters of Chinese, Japanese and Korean and for
// emoji, and none for marks, for what is not seen, and for what a zero-width joiner adds to an emoji.
func Width(text string) int {
	n := 0
	joined := false
	for _, r := range text {
		if !joined {
			n += columns(r)
		}
		const joiner = '\u200d'
		joined = r == joiner
	}
	return n
}

func columns(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case width.LookupRune(r).Kind() == width.EastAsianWide, width.LookupRune(r).Kind() == width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Pad puts blanks behind a text, up to n columns.
func Pad(text string, n int) string { return text + strings.Repeat(" ", max(n-Width(text), 0)) }

// Clip is a text of at most n columns: of a longer one the beginning.
func Clip(text string, n int) string {
	if Width(text) <= n {
		return text
	}
	end := 0
	for i := range text {
		if Width(text[:i]) > n-1 {
			break
		}
		end = i
	}
	return text[:end] + "…"
}

package words

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Width is how many columns of a terminal a text takes: two for the letters of Chinese, Japanese and Korean and for
// emoji, and none for marks, for what is not seen, and for what a zero-width joiner adds to an emoji.
func Width(text string) int {
	var c counter
	for _, r := range text {
		c.add(r)
	}
	return c.columns
}

// counter counts the columns of a text, letter by letter.
type counter struct {
	columns int
	joined  bool // the next one is joined to those before
}

func (c *counter) add(r rune) {
	if !c.joined {
		c.columns += columns(r)
	}
	const joiner = '\u200d'
	c.joined = r == joiner
}

// begins says whether a letter does not belong to those before it.
func (c *counter) begins(r rune) bool { return !c.joined && columns(r) > 0 }

func columns(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) || vowelsAndFinals(r):
		return 0
	case width.LookupRune(r).Kind() == width.EastAsianWide, width.LookupRune(r).Kind() == width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// vowelsAndFinals says whether a letter is the second or the third of a Korean syllable that is written as its letters,
// as in names of files of macOS: they are shown within the first.
func vowelsAndFinals(r rune) bool { return r >= 0x1160 && r <= 0x11ff || r >= 0xd7b0 && r <= 0xd7ff }

// Pad puts blanks behind a text, up to n columns.
func Pad(text string, n int) string { return text + strings.Repeat(" ", max(n-Width(text), 0)) }

// Clip is a text of at most n columns: of a longer one the beginning.
func Clip(text string, n int) string {
	if n < 1 {
		return ""
	}
	var c counter
	end := 0
	for i, r := range text {
		if c.columns < n {
			end = i
		}
		c.add(r)
	}
	if c.columns <= n {
		return text
	}
	return text[:end] + "…"
}

// ClipFront is a text of at most n columns: of a longer one the end.
func ClipFront(text string, n int) string {
	if Width(text) <= n {
		return text
	}
	var before counter
	for i, r := range text {
		begins := before.begins(r)
		before.add(r)
		if begins && Width(text[i:]) < n {
			return "…" + text[i:]
		}
	}
	return Clip("…", n)
}

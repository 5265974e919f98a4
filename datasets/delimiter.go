package datasets

import (
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pkg/errors"
)

// delimiterName is a delimiter in words.
func delimiterName(delimiter rune) string {
	switch delimiter {
	case ',':
		return "commas"
	case ';':
		return "semicolons"
	case '\t':
		return "tabs"
	}
	return strconv.QuoteRune(delimiter)
}

// separatorLine is a first line that tells Excel what stands between cells.
var separatorLine = regexp.MustCompile(`^"?(?i:sep)=([^"\r\n])"?[\t ]*(?:\r?\n|$)`)

// saidDelimiter is the delimiter that such a line names, and the length of the line; 0 if there is none.
func saidDelimiter(data []byte) (delimiter rune, length int) {
	const longest = 64
	m := separatorLine.FindSubmatch(data[:min(len(data), longest)])
	if m == nil {
		return 0, 0
	}
	delimiter, _ = utf8.DecodeRune(m[1])
	if delimiter == utf8.RuneError {
		return 0, 0
	}
	return delimiter, len(m[0])
}

// likelyDelimiter is that of which most of the first records have the same number of cells, more than one. Of several,
// it is the one that blanks follow least: in a sentence a comma has one behind it, and between cells it has none. A
// comma is the last choice: it is in numbers, too.
func likelyDelimiter(data []byte, max int) rune {
	best, most, least := ',', 0, 0
	for _, delimiter := range "\t;|," {
		alike, blanks := cuts(data, delimiter, max)
		if alike > most || alike == most && blanks < least {
			best, most, least = delimiter, alike, blanks
		}
	}
	return best
}

// cuts counts the first records that a delimiter cuts into as many cells as the first, more than one, and the cells
// after the first that begin with a blank.
func cuts(data []byte, delimiter rune, max int) (alike, blanks int) {
	const some = 50
	r := newCSV(data, delimiter)
	width := 0
	for range some {
		r.allow(max, 0)
		cells, err := r.Read()
		if err == io.EOF || errors.Is(err, errTooLong) {
			break
		}
		if width == 0 {
			width = len(cells)
		}
		if err != nil || width < 2 || len(cells) != width {
			continue
		}
		alike++
		for _, c := range cells[1:] {
			if strings.HasPrefix(c, " ") {
				blanks++
			}
		}
	}
	return alike, blanks
}

package datasets

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// wordStart is the character that begins a word in a vocabulary of kind BPE.
const wordStart = '▁'

// maxPiece is the most characters that byte pairs are joined within: what is longer is no word, and joining
// takes quadratic time.
const maxPiece = 100

// maxPieceBytes is the longest that a unit of byte pairs can be: a piece and the mark of the word's beginning.
const maxPieceBytes = (maxPiece + 1) * utf8.UTFMax

// eachWord are the words of s and its line breaks.
func eachWord(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		from := -1 // where the word began
		for i, r := range s {
			if !unicode.IsSpace(r) {
				if from < 0 {
					from = i
				}
				continue
			}
			if from >= 0 && !yield(s[from:i]) {
				return
			}
			if from = -1; r == '\n' && !yield("\n") {
				return
			}
		}
		if from >= 0 {
			yield(s[from:])
		}
	}
}

// The classes of characters that byte pairs never join with another class.
const (
	spaceClass = iota
	lineClass
	letterClass
	digitClass
	otherClass
)

func class(r rune) int {
	switch {
	case r == '\n':
		return lineClass
	case unicode.IsSpace(r):
		return spaceClass
	// Cf: the joiners within words of Hindi or Persian
	case unicode.IsLetter(r) || unicode.IsMark(r) || unicode.Is(unicode.Cf, r):
		return letterClass
	case unicode.IsNumber(r):
		return digitClass
	}
	return otherClass
}

// pieces are the parts of s that byte pairs are joined within, and whether each begins a word: runs of
// characters of one class, at most maxPiece long. A line break is a piece by itself and begins no word. A
// single space between words, which ▁ stands for, is in no piece, nor is one at the end of s, after which a
// word may follow. With spaces, other white space is a piece; without, it separates words, too, and is in no
// piece.
func pieces(s string, spaces bool) iter.Seq2[string, bool] {
	s = strings.ReplaceAll(s, string(wordStart), " ")
	return func(yield func(string, bool) bool) {
		before := lineClass // the class of the piece before
		for len(s) > 0 {
			c, end := run(s)
			text := s[:end]
			s = s[end:]
			implied := !spaces || text == " " && before != lineClass && (s == "" || s[0] != '\n')
			starts := c != spaceClass && c != lineClass && (before == spaceClass || before == lineClass)
			if (c != spaceClass || !implied) && !yield(text, starts) {
				return
			}
			before = c
		}
	}
}

// run is the class of the first characters of s that have the same, and where they end.
func run(s string) (first, end int) {
	length := 0
	for i, r := range s {
		c := class(r)
		if i == 0 {
			first = c
		} else if c != first || c == lineClass || length == maxPiece {
			return first, i
		}
		length++
	}
	return first, len(s)
}

// LostSpace is how many characters of white space in s are not restored when its words are joined with single
// spaces, as a vocabulary of eachWord does.
func LostSpace(s string) int {
	lost, length, within := 0, 0, false // length is that of the white space that was read last
	plain := true                       // and it has plain spaces alone
	for _, r := range s {
		switch {
		case r == '\n':
			lost += length
			length, within, plain = 0, false, true
		case unicode.IsSpace(r):
			length++
			plain = plain && r == ' '
		default:
			if within && length > 0 && plain {
				length--
			}
			lost += length
			length, within, plain = 0, true, true
		}
	}
	return lost + length
}

// validWord says whether s may be a unit of a word vocabulary: one word, or a line break.
func validWord(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for word := range eachWord(s) {
		return word == s
	}
	return false
}

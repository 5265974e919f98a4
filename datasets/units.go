package datasets

import (
	"iter"
	"unicode"
	"unicode/utf8"
)

// wordStart is the character that begins a word in a vocabulary of kind BPE.
const wordStart = '▁'

// maxPiece is the most characters that byte pairs are joined within: what is longer is no word, and joining takes quadratic time.
const maxPiece = 100

// maxPieceBytes is the longest that a unit of byte pairs can be: a piece and the mark of the word's beginning.
const maxPieceBytes = (maxPiece + 1) * utf8.UTFMax

// words are the words of s and its line breaks.
func words(s string) iter.Seq[string] {
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
	case unicode.IsSpace(r) || r == wordStart:
		return spaceClass
	case unicode.IsLetter(r) || unicode.IsMark(r) || unicode.Is(unicode.Cf, r): // Cf: the joiners within words of Hindi or Persian
		return letterClass
	case unicode.IsNumber(r):
		return digitClass
	}
	return otherClass
}

// pieces are the parts of s that byte pairs are joined within, and whether each begins a word: runs of characters of one class, at
// most maxPiece long. A line break is a piece by itself and begins no word. White space separates words and is in no piece.
func pieces(s string) iter.Seq2[string, bool] {
	return func(yield func(string, bool) bool) {
		last, starts := spaceClass, false
		from, length := 0, 0
		for i, r := range s {
			c := class(r)
			if c == last && c != lineClass && length < maxPiece {
				length++
				continue
			}
			if last != spaceClass && !yield(s[from:i], starts) {
				return
			}
			starts = c != lineClass && (last == spaceClass || last == lineClass)
			last, from, length = c, i, 1
		}
		if last != spaceClass && from < len(s) {
			yield(s[from:], starts)
		}
	}
}

// validWord says whether s may be a unit of a word vocabulary: one word, or a line break.
func validWord(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for word := range words(s) {
		return word == s
	}
	return false
}

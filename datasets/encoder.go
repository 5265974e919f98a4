package datasets

import (
	"slices"
	"strings"
)

// encoder encodes with a vocabulary. It is for one goroutine at a time.
type encoder struct {
	*Vocab
	known   map[piece]joined // of byte pairs, for texts say most words again and again; nil: nothing is remembered
	scratch []int32
}

// joined is what a piece becomes.
type joined struct {
	tokens  []int32
	unknown int // characters
}

// maxKnown is how many pieces are remembered: the first.
const maxKnown = 1 << 16

// encode appends the tokens of s.
func (e *encoder) encode(tokens []int32, s string) (_ []int32, unknown int) {
	s = e.form.apply(s)
	lack := func() {
		unknown++
		if e.special > 0 {
			tokens = append(tokens, Unknown)
		}
	}
	switch e.kind {
	case Char:
		for _, r := range s {
			if t, ok := e.runes[r]; ok {
				tokens = append(tokens, t)
			} else {
				lack()
			}
		}
	case Word:
		for word := range eachWord(s) {
			if t, ok := e.words[word]; ok {
				tokens = append(tokens, t)
			} else {
				lack()
			}
		}
	case BPE:
		for text, starts := range pieces(s, e.spaces) {
			j, ok := e.known[piece{text, starts}]
			if !ok {
				j = e.join(text, starts)
				if e.known != nil && len(e.known) < maxKnown {
					e.known[piece{strings.Clone(text), starts}] = joined{slices.Clone(j.tokens), j.unknown}
				}
			}
			tokens, unknown = append(tokens, j.tokens...), unknown+j.unknown
		}
	}
	return tokens, unknown
}

// join is what a piece becomes, valid until the next call.
func (e *encoder) join(text string, starts bool) (j joined) {
	e.scratch, j.unknown = e.symbols(e.scratch[:0], text, starts)
	j.tokens = e.Vocab.join(e.scratch)
	return j
}

package datasets

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind says what the units of a vocabulary are.
type Kind string

// The kinds of vocabularies.
const (
	// Char: a unit is a character.
	Char Kind = "char"

	// Word: a unit is what stands between white space, and a line break is one, too. Decoding joins words with
	// one space. A text whose punctuation should be units of its own must have been tokenised before.
	Word Kind = "word"

	// BPE: a unit is a part of a word that often occurs, found by byte-pair encoding (Sennrich, Haddow and
	// Birch, 2016) on characters. The beginning of a word is the character ▁ (U+2581), as SentencePiece has it,
	// and stands for a single space before it; that character in a text is taken for a space. Other white space
	// makes units of its own, so that decoding restores all of it, as far as it occurred in the texts that the
	// vocabulary was learned from. Letters, digits and other characters are never in one unit, so that a text
	// need not have been tokenised. A line break is a unit.
	BPE Kind = "bpe"
)

// Kinds are all kinds of vocabularies.
var Kinds = []Kind{Char, Word, BPE}

// The tokens that a vocabulary reserves, if it reserves any.
const (
	Pad     int32 = iota // fills what a batch has no token for
	Unknown              // a unit that the vocabulary lacks
	Start                // what a decoder reads first
	End                  // what ends a sequence
)

// specialNames are what the reserved tokens are called where they must be shown.
var specialNames = []string{"<pad>", "<unk>", "<s>", "</s>"}

// Vocab numbers the units of texts. It is immutable.
type Vocab struct {
	kind    Kind
	special int              // tokens reserved at the beginning: none or four
	tokens  []string         // by number, the reserved ones included
	runes   map[rune]int32   // of Char, and the characters of BPE
	words   map[string]int32 // of Word
	merges  []merge          // of BPE
	ranks   map[pair]int32   // of BPE: the place of a pair in merges
	// of BPE: white space is kept; false in vocabularies of early versions, in which it only separates words
	spaces bool
	form   Form // that texts are brought to
}

// NewVocab is the vocabulary of all characters of the texts, in the order of their code points. It reserves no
// tokens, as a language model of characters needs none.
func NewVocab(texts ...*Text) *Vocab {
	seen := map[rune]int{}
	for _, t := range texts {
		for r, n := range t.counts {
			seen[r] += n
		}
	}
	return charVocab(0, frequent(seen, 0))
}

// With is the vocabulary with those characters of texts that it lacks, in the order of code points. One that is
// not of characters alone, or reserves tokens, lacks nothing: it has Unknown.
func (v *Vocab) With(texts ...*Text) *Vocab {
	if v.kind != Char || v.special > 0 {
		return v
	}
	all := map[rune]int{}
	for r := range v.runes {
		all[r]++
	}
	for _, t := range texts {
		for r := range t.counts {
			all[r]++
		}
	}
	if len(all) == len(v.runes) {
		return v
	}
	return charVocab(0, frequent(all, 0))
}

// frequent are the characters that were counted at least least times, in the order of their code points.
func frequent(counts map[rune]int, least int) []rune {
	runes := make([]rune, 0, len(counts))
	for r, n := range counts {
		if n >= least {
			runes = append(runes, r)
		}
	}
	slices.Sort(runes)
	return runes
}

func charVocab(special int, runes []rune) *Vocab {
	v := &Vocab{kind: Char, special: special, tokens: slices.Clone(specialNames[:special])}
	v.addRunes(runes)
	return v
}

func (v *Vocab) addRunes(runes []rune) {
	v.runes = make(map[rune]int32, len(runes))
	for _, r := range runes {
		v.runes[r] = int32(len(v.tokens))
		v.tokens = append(v.tokens, string(r))
	}
}

func wordVocab(special int, words []string) *Vocab {
	v := &Vocab{kind: Word, special: special, tokens: slices.Concat(specialNames[:special], words),
		words: make(map[string]int32, len(words))}
	for i, w := range words {
		v.words[w] = int32(special + i)
	}
	return v
}

// Kind is the kind of the vocabulary's units.
func (v *Vocab) Kind() Kind { return v.kind }

// Reserved is the number of tokens that are reserved: they are the first.
func (v *Vocab) Reserved() int32 { return int32(v.special) }

// Len is the number of tokens, the reserved ones included.
func (v *Vocab) Len() int { return len(v.tokens) }

// Name is the unit of a token in [0, Len), for people to read: a reserved token has a name in angle brackets.
func (v *Vocab) Name(token int32) string { return v.tokens[token] }

// Token is the token of a character; false if it has none.
func (v *Vocab) Token(r rune) (int32, bool) {
	if v.kind == Word {
		t, ok := v.words[string(r)]
		return t, ok
	}
	t, ok := v.runes[r]
	return t, ok
}

// EncodeLine is the tokens of a string, without Start and End, and how many of its units the vocabulary lacks:
// those are Unknown or, if that is not reserved, left out.
func (v *Vocab) EncodeLine(s string) (tokens []int32, unknown int) {
	return (&encoder{Vocab: v}).encode(nil, s)
}

// Decode is the text of tokens in [0, Len) up to the first End. Pad and Start are left out; Unknown is <unk>
// between words, and the character U+FFFD elsewhere.
func (v *Vocab) Decode(tokens []int32) string {
	var b strings.Builder
	d := v.Decoder()
	for _, t := range tokens {
		b.WriteString(d.Next(t))
	}
	return b.String()
}

// Decoder decodes token after token.
type Decoder struct {
	vocab *Vocab
	open  bool // a word that begins now has a space before it
	ended bool
}

// Decoder is a decoder at the beginning of a text.
func (v *Vocab) Decoder() *Decoder { return &Decoder{vocab: v} }

// Next is what one more token adds to the text: see Vocab.Decode. A number that is no token's is an unknown one.
func (d *Decoder) Next(token int32) string {
	unknown := specialNames[Unknown]
	if d.vocab.kind != Word {
		unknown = string(utf8.RuneError)
	}
	return d.next(token, unknown)
}

// next is Next with a text for Unknown.
func (d *Decoder) next(token int32, unknown string) string {
	v := d.vocab
	s := unknown
	if token < 0 || int(token) >= len(v.tokens) {
		token = Unknown
	} else {
		s = v.tokens[token]
	}
	if int(token) < v.special {
		d.ended = d.ended || token == End
		if token != Unknown {
			return ""
		}
		s = unknown
	}
	if d.ended {
		return ""
	}
	line := s == "\n"
	space := v.kind == Word && !line
	if v.kind == BPE {
		s, space = strings.CutPrefix(s, string(wordStart))
	}
	if space && d.open {
		s = " " + s
	}
	switch last, _ := utf8.DecodeLastRuneInString(s); {
	case !v.spaces:
		d.open = !line
	case s != "":
		d.open = !unicode.IsSpace(last)
	}
	return s
}

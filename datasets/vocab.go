package datasets

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"unicode/utf8"

	"github.com/pkg/errors"
)

// Vocab numbers the characters of a text: token i is the i-th of its distinct characters in the order of their code points.
// It is immutable.
type Vocab struct {
	runes  []rune
	tokens map[rune]int32
}

// NewVocab is the vocabulary of all characters of the texts.
func NewVocab(texts ...*Text) *Vocab {
	seen := map[rune]bool{}
	for _, t := range texts {
		for _, r := range t.Runes {
			seen[r] = true
		}
	}
	runes := make([]rune, 0, len(seen))
	for r := range seen {
		runes = append(runes, r)
	}
	slices.Sort(runes)
	return vocabOf(runes)
}

func vocabOf(runes []rune) *Vocab {
	tokens := make(map[rune]int32, len(runes))
	for i, r := range runes {
		tokens[r] = int32(i)
	}
	return &Vocab{runes: runes, tokens: tokens}
}

// Len is the number of tokens.
func (v *Vocab) Len() int { return len(v.runes) }

// Rune is the character of a token in [0, Len).
func (v *Vocab) Rune(token int32) rune { return v.runes[token] }

// Token is the token of a character; false if it has none.
func (v *Vocab) Token(r rune) (int32, bool) {
	t, ok := v.tokens[r]
	return t, ok
}

// Encode is the tokens of a text. A character that the vocabulary lacks is an *Error with its position.
func (v *Vocab) Encode(t *Text) ([]int32, error) {
	tokens := make([]int32, len(t.Runes))
	for i, r := range t.Runes {
		token, ok := v.tokens[r]
		if !ok {
			line, col := t.Position(i)
			return nil, &Error{File: t.Name, Line: line, Col: col,
				What: fmt.Sprintf("the character %q (%U) is not in the vocabulary of %d characters that the model was trained with: remove or replace it", r, r, len(v.runes))}
		}
		tokens[i] = token
	}
	return tokens, nil
}

// Decode is the text of tokens in [0, Len).
func (v *Vocab) Decode(tokens []int32) string {
	b := make([]byte, 0, len(tokens))
	for _, t := range tokens {
		b = utf8.AppendRune(b, v.runes[t])
	}
	return string(b)
}

// vocabFile is the JSON form of a vocabulary.
type vocabFile struct {
	Kind   string   `json:"kind"`
	Tokens []string `json:"tokens"`
}

const charKind = "char"

// JSON is the form in which a vocabulary is kept: {"kind":"char","tokens":["\n"," ","!", ...]}, in the order of the tokens.
func (v *Vocab) JSON() []byte {
	f := vocabFile{Kind: charKind, Tokens: make([]string, len(v.runes))}
	for i, r := range v.runes {
		f.Tokens[i] = string(r)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(f); err != nil { // strings always encode
		panic(err)
	}
	return b.Bytes()
}

// ReadVocab reads a vocabulary from a file that holds what JSON returned, to the byte: a file that was changed or damaged is
// an *Error, for a token that moved by one would turn every text into another.
func ReadVocab(path string) (*Vocab, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	return parseVocab(path, data)
}

func parseVocab(name string, data []byte) (*Vocab, error) {
	bad := func(format string, args ...any) (*Vocab, error) {
		return nil, &Error{File: name, What: fmt.Sprintf(format, args...) + ": the vocabulary is damaged, restore it from a copy of the run"}
	}
	var f vocabFile
	if err := json.Unmarshal(data, &f); err != nil {
		return bad("not a JSON vocabulary (%v)", err)
	}
	if f.Kind != charKind {
		return bad("kind %q, want %q", f.Kind, charKind)
	}
	if len(f.Tokens) == 0 {
		return bad("no tokens")
	}
	runes := make([]rune, len(f.Tokens))
	for i, s := range f.Tokens {
		r, size := utf8.DecodeRuneInString(s)
		if size == 0 || size != len(s) {
			return bad("token %d is %q, want one character", i, s)
		}
		if i > 0 && r <= runes[i-1] {
			return bad("token %d is %q, out of order after %q", i, r, runes[i-1])
		}
		runes[i] = r
	}
	v := vocabOf(runes)
	// encoding/json lets pass duplicate keys, keys in other cases, bad UTF-8 and unknown fields: none of them survives this.
	if want := v.JSON(); !bytes.Equal(data, want) {
		return bad("differs from the form in which a vocabulary is written, first at byte %d", firstDifference(data, want))
	}
	return v, nil
}

func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

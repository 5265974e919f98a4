package datasets

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// maxJSON is how many bytes of a vocabulary or of labels are read: four times as many as any data set has given.
const maxJSON = 64 << 20

// vocabFile is the JSON form of a vocabulary.
type vocabFile struct {
	Kind    Kind       `json:"kind"`
	Special []string   `json:"special,omitempty"` // the reserved tokens, which come first
	Tokens  []string   `json:"tokens"`            // the others
	Merges  [][2]int32 `json:"merges,omitempty"`  // of BPE: the pairs of tokens that are joined, in this order
	Spaces  string     `json:"spaces,omitempty"`  // of BPE: keptSpaces; "": white space but line breaks only separates words
	Form    Form       `json:"normalize,omitempty"`
}

const keptSpaces = "kept"

// JSON is the form in which a vocabulary is kept: {"kind":"char","tokens":["\n"," ","!", ...]}, in the order of
// the tokens.
func (v *Vocab) JSON() []byte {
	f := vocabFile{Kind: v.kind, Special: v.tokens[:v.special], Tokens: v.tokens[v.special:], Form: v.form}
	if v.spaces {
		f.Spaces = keptSpaces
	}
	for _, m := range v.merges {
		f.Merges = append(f.Merges, [2]int32{m.left, m.right})
	}
	return encodeJSON(f)
}

func encodeJSON(x any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(x); err != nil { // strings and numbers always encode
		panic(err)
	}
	return b.Bytes()
}

// ReadVocab reads a vocabulary from a file that holds what JSON returned, to the byte: a file that was changed
// or damaged is an *Error, for a token that moved by one would turn every text into another.
func ReadVocab(path string) (*Vocab, error) {
	data, err := safefile.Read(path, maxJSON)
	if err != nil {
		return nil, err
	}
	return parseVocab(path, data)
}

func parseVocab(name string, data []byte) (*Vocab, error) {
	v, wrong := decodeVocab(data)
	if wrong == "" {
		// encoding/json lets pass duplicate keys, keys in other cases, bad UTF-8 and unknown fields: none of
		// them survives this.
		wrong = sameForm(data, v.JSON())
	}
	if wrong != "" {
		return nil, &Error{File: name, What: wrong + ": the vocabulary is damaged, restore it from a copy of the run"}
	}
	return v, nil
}

// decodeVocab says what is wrong if the vocabulary is nil.
func decodeVocab(data []byte) (v *Vocab, wrong string) {
	var f vocabFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Sprintf("not a JSON vocabulary (%v)", err)
	}
	switch {
	case !slices.Contains(Kinds, f.Kind):
		return nil, fmt.Sprintf("kind %q, want one of %q", f.Kind, Kinds)
	case len(f.Special) > 0 && !slices.Equal(f.Special, specialNames):
		return nil, fmt.Sprintf("reserves %q, want %q", f.Special, specialNames)
	case len(f.Special) == 0 && len(f.Tokens) == 0:
		return nil, "no tokens"
	case len(f.Special) == 0 && f.Kind == BPE:
		return nil, fmt.Sprintf("reserves nothing, want %q", specialNames)
	case f.Form.Check() != nil:
		return nil, f.Form.Check().Error()
	case len(f.Special) == 0 && f.Form != "":
		return nil, fmt.Sprintf("normalizes to %s and reserves nothing, want %q", f.Form, specialNames)
	case f.Spaces != "" && (f.Kind != BPE || f.Spaces != keptSpaces):
		return nil, fmt.Sprintf("spaces %q in a vocabulary of kind %s", f.Spaces, f.Kind)
	}
	switch f.Kind {
	case Word:
		v, wrong = decodeWords(&f)
	case BPE:
		v, wrong = decodeBPE(&f)
	default:
		var runes []rune
		if runes, wrong = decodeRunes(f.Tokens); wrong == "" {
			v = charVocab(len(f.Special), runes)
		}
	}
	if wrong != "" {
		return nil, wrong
	}
	v.form, v.spaces = f.Form, f.Spaces == keptSpaces
	return v, ""
}

// decodeRunes are single characters in the order of their code points.
func decodeRunes(tokens []string) (runes []rune, wrong string) {
	for i, s := range tokens {
		r, size := utf8.DecodeRuneInString(s)
		if size == 0 || size != len(s) {
			return nil, fmt.Sprintf("token %d is %q, want one character", i, s)
		}
		if i > 0 && r <= runes[i-1] {
			return nil, fmt.Sprintf("token %d is %q, out of order after %q", i, r, runes[i-1])
		}
		runes = append(runes, r)
	}
	return runes, ""
}

func decodeWords(f *vocabFile) (v *Vocab, wrong string) {
	for i, s := range f.Tokens {
		if !validWord(s) {
			return nil, fmt.Sprintf("token %d is %q, want one word", i, s)
		}
	}
	v = wordVocab(len(f.Special), f.Tokens)
	for i, s := range f.Tokens {
		if int(v.words[s]) != v.special+i {
			return nil, fmt.Sprintf("token %d is %q, and so is another", i, s)
		}
	}
	return v, ""
}

// decodeBPE learns the merges again: characters come first, and each other token when it is first made.
func decodeBPE(f *vocabFile) (v *Vocab, wrong string) {
	single := slices.IndexFunc(f.Tokens, func(s string) bool { return utf8.RuneCountInString(s) != 1 })
	if single < 0 {
		single = len(f.Tokens)
	}
	runes, wrong := decodeRunes(f.Tokens[:single])
	if wrong != "" {
		return nil, wrong
	}
	if v = bpeVocab(runes); v.runes[wordStart] == 0 {
		return nil, fmt.Sprintf("no token %q", wordStart)
	}
	known := v.units()
	for i, m := range f.Merges {
		p := pair{m[0], m[1]}
		for _, t := range m {
			if t < int32(v.special) || int(t) >= v.Len() {
				return nil, fmt.Sprintf("merge %d is of token %d, want one of %d to %d", i, t, v.special, v.Len()-1)
			}
		}
		if _, ok := v.ranks[p]; ok {
			return nil, fmt.Sprintf("merge %d is of %q and %q, and so is another", i, v.tokens[p.left], v.tokens[p.right])
		}
		if len(v.tokens[p.left])+len(v.tokens[p.right]) > maxPieceBytes { // the strings could double with each merge
			return nil, fmt.Sprintf("merge %d makes a token longer than %d characters", i, maxPiece)
		}
		v.add(p, known)
	}
	for i, s := range f.Tokens {
		if at := v.special + i; at >= v.Len() || v.tokens[at] != s {
			return nil, fmt.Sprintf("token %d is %q, which no merge makes there", i, s)
		}
	}
	return v, ""
}

// sameForm says where data differs from the form in which it would be written.
func sameForm(data, want []byte) (wrong string) {
	if bytes.Equal(data, want) {
		return ""
	}
	return fmt.Sprintf("differs from the form in which it is written, first at byte %d", firstDifference(data, want))
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

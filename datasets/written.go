package datasets

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Units are the parts of a string that EncodeLine makes tokens of, one for each token. Only a vocabulary that reserves Unknown has a
// token for each part.
func (v *Vocab) Units(s string) []string {
	var units []string
	switch v.kind {
	case Word:
		for word := range words(s) {
			units = append(units, word)
		}
	case BPE:
		e := &encoder{Vocab: v}
		for text, starts := range pieces(s, v.spaces) {
			for _, token := range e.join(text, starts).tokens {
				n := len(strings.TrimPrefix(v.tokens[token], string(wordStart)))
				if token == Unknown {
					_, n = utf8.DecodeRuneInString(text)
				}
				units, text = append(units, text[:n]), text[n:]
			}
		}
	default:
		for _, r := range s {
			units = append(units, string(r))
		}
	}
	return units
}

// Written is a string as decoding would write it if the vocabulary had all of its units: a vocabulary of words knows one space
// between words, whatever white space there was, and so do byte pairs of early versions. What a model writes can be compared with that.
func (v *Vocab) Written(s string) string {
	switch {
	case v.kind == Char:
		return s
	case v.kind == BPE && v.spaces:
		s = strings.ReplaceAll(s, string(wordStart), " ")
		cut := strings.TrimSuffix(s, " ") // a single space at the end is in no piece
		if last, _ := utf8.DecodeLastRuneInString(cut); cut != "" && class(last) != spaceClass && class(last) != lineClass {
			return cut
		}
		return s
	}
	separates := func(r rune) bool { return unicode.IsSpace(r) || v.kind == BPE && r == wordStart }
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = strings.Join(strings.FieldsFunc(line, separates), " ")
	}
	return strings.Join(lines, "\n")
}

// DecodeWith is Decode with a text for each token that is Unknown: unknown is asked for that of tokens[i].
func (v *Vocab) DecodeWith(tokens []int32, unknown func(i int) string) string {
	var b strings.Builder
	d := v.Decoder()
	for i, t := range tokens {
		if v.special > 0 && t == Unknown {
			b.WriteString(d.next(t, unknown(i)))
		} else {
			b.WriteString(d.Next(t))
		}
	}
	return b.String()
}

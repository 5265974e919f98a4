package datasets

import (
	"strings"
	"unicode/utf8"
)

// Units are the parts of a string that EncodeLine makes tokens of, one for each token. Only a vocabulary that reserves Unknown has a
// token for each part.
func (v *Vocab) Units(s string) []string {
	s = v.form.apply(s)
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
				unit := strings.TrimPrefix(v.tokens[token], string(wordStart))
				if token == Unknown {
					_, n := utf8.DecodeRuneInString(text)
					unit = text[:n]
				}
				units, text = append(units, unit), text[len(unit):]
			}
		}
	default:
		for _, r := range s {
			units = append(units, string(r))
		}
	}
	return units
}

// Written is a string as decoding would write it if the vocabulary had all of its units. What a model writes can be compared with that:
// a vocabulary of words knows one space between words, whatever white space there was.
func (v *Vocab) Written(s string) string {
	if v.special == 0 {
		return s
	}
	tokens, _ := v.EncodeLine(s)
	units := v.Units(s)
	return v.DecodeWith(tokens, func(i int) string { return units[i] })
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
